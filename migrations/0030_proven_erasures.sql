-- Up Migration
-- Forgets what imports have brought and not yet stored, some rows at a time, and says how many it has changed: call it
-- until there were none. An import that is looked at is locked first and its lines after it, as whoever stores some
-- of them does. An import of all of a scope goes with its last line. Workers of before call the one that takes no
-- number, which stays for them.
CREATE FUNCTION forget_imports(erasure uuid, at_most integer) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
  AS $$
  DECLARE
    e erasures := open_erasure(erasure);
    exchange CONSTANT jsonb := jsonb_build_array(jsonb_build_object('exchange', e.exchange_id));
    found_imports uuid[];
    imports bigint := 0;
    lines bigint := 0;
    windows bigint := 0;
  BEGIN
    IF e.finished_at IS NOT NULL THEN
      RETURN 0;
    END IF;
    found_imports := ARRAY(
      SELECT i.id FROM memory_imports i
      WHERE i.tenant_id = e.tenant_id AND i.agent_id = e.agent_id AND i.user_id = e.user_id
        AND (e.exchange_id IS NULL OR i.window_messages::jsonb @> exchange OR EXISTS (
          SELECT FROM memory_import_lines l
          WHERE l.tenant_id = i.tenant_id AND l.import_id = i.id AND l.exchange_id = e.exchange_id))
      LIMIT at_most FOR UPDATE);
    DELETE FROM memory_import_lines WHERE tenant_id = e.tenant_id AND (import_id, line) IN (
      SELECT l.import_id, l.line FROM memory_import_lines l
      WHERE l.tenant_id = e.tenant_id AND l.import_id = ANY (found_imports)
        AND (e.exchange_id IS NULL OR l.exchange_id = e.exchange_id)
      LIMIT at_most);
    GET DIAGNOSTICS lines = ROW_COUNT;
    IF e.exchange_id IS NULL THEN
      DELETE FROM memory_imports i
        WHERE i.tenant_id = e.tenant_id AND i.id = ANY (found_imports) AND NOT EXISTS (
          SELECT FROM memory_import_lines l WHERE l.tenant_id = i.tenant_id AND l.import_id = i.id);
      GET DIAGNOSTICS imports = ROW_COUNT;
    ELSE
      UPDATE memory_imports i SET window_messages = (
          SELECT jsonb_agg(m ORDER BY place)
          FROM jsonb_array_elements(i.window_messages::jsonb) WITH ORDINALITY w (m, place)
          WHERE m ->> 'exchange' IS DISTINCT FROM e.exchange_id::text)
        WHERE i.tenant_id = e.tenant_id AND i.id = ANY (found_imports) AND i.window_messages::jsonb @> exchange;
      GET DIAGNOSTICS windows = ROW_COUNT;
    END IF;
    IF imports + lines + windows > 0 THEN
      PERFORM audit_erasure(erasure, 'import.delete',
        jsonb_build_object('imports', imports, 'lines', lines, 'windows', windows));
    END IF;
    RETURN imports + lines + windows;
  END $$;
GRANT CREATE ON SCHEMA public TO konstruct_eraser;
ALTER FUNCTION forget_imports(uuid, integer) OWNER TO konstruct_eraser;
REVOKE CREATE ON SCHEMA public FROM konstruct_eraser;
REVOKE ALL ON FUNCTION forget_imports(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_imports(uuid, integer) TO konstruct_worker, konstruct_app;

-- A user as feedback and the audit log have them: what `hashOfUser` makes (src/db/audit.ts), an HMAC-SHA-256 by the
-- tenant's own key. Made here, so that whoever calls can't have another person's feedback deleted.
GRANT SELECT (id, seal_key) ON tenants TO konstruct_eraser;
CREATE FUNCTION hash_of_user(person text) RETURNS text
  LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
  AS $$
  DECLARE
    key bytea := (SELECT seal_key FROM tenants WHERE id = current_tenant());
    inner_key bytea := decode(repeat('36', 64), 'hex');
    outer_key bytea := decode(repeat('5c', 64), 'hex');
  BEGIN
    FOR i IN 0 .. length(key) - 1 LOOP
      inner_key := set_byte(inner_key, i, get_byte(inner_key, i) # get_byte(key, i));
      outer_key := set_byte(outer_key, i, get_byte(outer_key, i) # get_byte(key, i));
    END LOOP;
    RETURN rtrim(translate(encode(sha256(outer_key || sha256(inner_key || convert_to(
      '["audit",' || to_json(person)::text || ']', 'UTF8'))), 'base64'), '+/', '-_'), '=');
  END $$;
GRANT CREATE ON SCHEMA public TO konstruct_eraser;
ALTER FUNCTION hash_of_user(text) OWNER TO konstruct_eraser;
REVOKE CREATE ON SCHEMA public FROM konstruct_eraser;
REVOKE ALL ON FUNCTION hash_of_user(text) FROM PUBLIC;

-- Feedback that somebody gave on replies to others goes with what is remembered of them: by the same agent, and given
-- before they asked to be forgotten. Feedback on their own turns goes with these.
CREATE INDEX feedback_giver ON feedback (tenant_id, giver);
CREATE OR REPLACE FUNCTION forget_memories(erasure uuid, at_most integer) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
  AS $$
  DECLARE
    e erasures := open_erasure(erasure);
    turns_ended bigint;
    memories bigint;
    passages bigint;
    given bigint := 0;
    counts jsonb;
  BEGIN
    IF e.finished_at IS NOT NULL THEN
      RETURN 0;
    END IF;
    -- A start that was given up on can still arrive: such a turn has no end yet.
    UPDATE turns SET state = 'erased',
        finished_at = CASE state WHEN 'refused' THEN NULL ELSE coalesce(finished_at, now()) END
      WHERE tenant_id = e.tenant_id AND message_id IN (
        SELECT message_id FROM turns
        WHERE tenant_id = e.tenant_id AND agent_id = e.agent_id AND user_id = e.user_id AND seq < e.seq
          AND kind = 'message' AND state <> 'erased' AND (e.exchange_id IS NULL OR message_id = e.exchange_id)
        LIMIT at_most);
    GET DIAGNOSTICS turns_ended = ROW_COUNT;
    -- What a later turn has stored stays; what belongs to no turn was there before.
    DELETE FROM conversation_embeddings WHERE tenant_id = e.tenant_id AND id IN (
      SELECT m.id FROM conversation_embeddings m
      WHERE m.tenant_id = e.tenant_id AND m.agent_id = e.agent_id AND m.user_id = e.user_id
        AND (e.exchange_id IS NULL OR m.exchange_id = e.exchange_id)
        AND NOT EXISTS (SELECT FROM turns t
          WHERE t.tenant_id = m.tenant_id AND t.message_id = m.exchange_id AND t.seq > e.seq)
      LIMIT at_most);
    GET DIAGNOSTICS memories = ROW_COUNT;
    DELETE FROM exchange_passages WHERE tenant_id = e.tenant_id AND (exchange_id, part) IN (
      SELECT p.exchange_id, p.part FROM exchange_passages p
      WHERE p.tenant_id = e.tenant_id AND p.agent_id = e.agent_id AND p.user_id = e.user_id
        AND (e.exchange_id IS NULL OR p.exchange_id = e.exchange_id)
        AND NOT EXISTS (SELECT FROM turns t
          WHERE t.tenant_id = p.tenant_id AND t.message_id = p.exchange_id AND t.seq > e.seq)
      LIMIT at_most);
    GET DIAGNOSTICS passages = ROW_COUNT;
    IF e.exchange_id IS NULL THEN
      DELETE FROM feedback WHERE tenant_id = e.tenant_id AND giver = hash_of_user(e.user_id) AND message_id IN (
        SELECT f.message_id FROM feedback f
        JOIN turns t ON t.tenant_id = f.tenant_id AND t.message_id = f.message_id AND t.agent_id = e.agent_id
        WHERE f.tenant_id = e.tenant_id AND f.giver = hash_of_user(e.user_id) AND f.created_at < e.requested_at
        LIMIT at_most);
      GET DIAGNOSTICS given = ROW_COUNT;
      IF given > 0 THEN
        PERFORM audit_erasure(erasure, 'feedback.delete', jsonb_build_object('given', given));
      END IF;
    END IF;
    IF memories + passages > 0 THEN
      counts := jsonb_build_object('memories', memories, 'passages', passages);
      PERFORM count_erased(erasure, counts);
      PERFORM audit_erasure(erasure, 'memory.delete', counts);
    ELSIF turns_ended + given = 0 THEN
      UPDATE turns SET state = 'done', finished_at = now()
        WHERE tenant_id = e.tenant_id AND message_id = e.id AND state IN ('accepted', 'refused');
    END IF;
    RETURN turns_ended + memories + passages + given;
  END $$;

-- Ends an erasure, with the counts of what others removed. It names nobody from then on. Whoever reaches Temporal can
-- answer in the place of its steps: so it ends only when nothing is left that was before it. The ledger's entries
-- stand for Temporal: one is made anonymous once the worker itself has seen Temporal without its executions.
CREATE OR REPLACE FUNCTION finish_erasure(erasure uuid, counts jsonb) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
  AS $$
  DECLARE
    e erasures := open_erasure(erasure);
  BEGIN
    IF e.finished_at IS NOT NULL THEN
      RETURN;
    END IF;
    -- What these forget here comes back with the exception, and is forgotten by the next attempt.
    IF forget_imports(erasure, 1) + forget_memories(erasure, 1) > 0 OR EXISTS (
      SELECT FROM turns
      WHERE tenant_id = e.tenant_id AND agent_id = e.agent_id AND user_id = e.user_id AND seq < e.seq
        AND kind = 'message' AND (e.exchange_id IS NULL OR message_id = e.exchange_id))
    THEN
      RAISE EXCEPTION 'erasure % can''t end: something is left that was before it', erasure;
    END IF;
    PERFORM audit_erasure(erasure, 'erasure.finish', count_erased(erasure, counts));
    UPDATE turns SET user_id = 'erased:' || gen_random_uuid(), seq = 0, state = 'done',
        finished_at = coalesce(finished_at, now())
      WHERE tenant_id = e.tenant_id AND message_id = e.id;
    UPDATE erasures SET user_id = '', seq = 0, finished_at = now()
      WHERE tenant_id = e.tenant_id AND id = e.id;
  END $$;

-- Ends a removal: the tenant itself goes. Not while a row is left, nor while a start of before the request may still
-- come: whoever reaches Temporal can answer in the place of the steps, and can call the last one at once.
CREATE OR REPLACE FUNCTION finish_tenant_removal(gone_executions bigint, gone_keys bigint) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  DECLARE
    requested timestamptz;
    gone_rows jsonb;
  BEGIN
    SELECT requested_at, row_counts INTO requested, gone_rows FROM tenant_removals
      WHERE tenant_id = current_tenant() AND finished_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
      RETURN;
    END IF;
    IF requested > now() - interval '10 minutes' OR remove_rows_of_tenant(1) > 0 THEN
      RAISE EXCEPTION 'the removal of tenant % can''t end: something is left or may come', current_tenant();
    END IF;
    UPDATE tenant_removals SET finished_at = now(), executions = gone_executions, keys = gone_keys
      WHERE tenant_id = current_tenant();
    INSERT INTO audit_entries (tenant_id, actor_type, action, target_type, target_id, outcome, counts)
      VALUES (current_tenant(), 'system', 'removal.finish', 'tenant', current_tenant()::text, 'done',
        gone_rows || jsonb_build_object('executions', gone_executions, 'keys', gone_keys));
    DELETE FROM tenants WHERE id = current_tenant();
  END $$;
