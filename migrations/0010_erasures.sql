-- Up Migration
-- Forgetting. An erasure is a row of the ledger, so that it has its place among the turns of its scope, and a row in
-- here, which becomes its receipt. A turn that is forgotten has the state `erased`: whoever stores a turn locks its
-- row first, so nothing of it is stored after that.
--
-- No role of the service may delete. Three functions may, for an erasure that was entered and not for any other:
-- they own the only DELETE there is, look at one tenant's rows (its policies hold for their owner too), and write
-- what they did into the audit log in the same transaction.

DO $$ BEGIN
  CREATE ROLE konstruct_eraser NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

-- The planner keeps samples of columns, in clear, and nothing is planned by these. It looks at a column without
-- statistics no more, and leaves the samples that it has: giving the column its own type once more removes them,
-- and rewrites nothing.
ALTER TABLE conversation_embeddings ALTER COLUMN content SET STATISTICS 0, ALTER COLUMN embedding SET STATISTICS 0;
ALTER TABLE exchange_passages ALTER COLUMN embedding SET STATISTICS 0, ALTER COLUMN terms SET STATISTICS 0;
ALTER TABLE turns ALTER COLUMN dedupe_key SET STATISTICS 0, ALTER COLUMN body_hash SET STATISTICS 0;
-- A vector is wider than what the planner samples.
ALTER TABLE conversation_embeddings ALTER COLUMN content TYPE text;
ALTER TABLE exchange_passages ALTER COLUMN embedding TYPE halfvec(384), ALTER COLUMN terms TYPE sparsevec(1000000000);
ALTER TABLE exchange_passages ALTER COLUMN embedding SET STORAGE PLAIN, ALTER COLUMN terms SET STORAGE PLAIN;
ALTER TABLE turns ALTER COLUMN dedupe_key TYPE text, ALTER COLUMN body_hash TYPE bytea;

ALTER TABLE turns ADD COLUMN kind text NOT NULL DEFAULT 'message' CHECK (kind IN ('message', 'erasure'));
ALTER TABLE turns DROP CONSTRAINT turns_state_check;
ALTER TABLE turns ADD CONSTRAINT turns_state_check
  CHECK (state IN ('accepted', 'refused', 'done', 'failed', 'erased'));

CREATE TABLE erasures (
  tenant_id    uuid NOT NULL,
  -- The message_id of its row in the ledger.
  id           uuid NOT NULL,
  agent_id     uuid NOT NULL,
  -- Nobody's, once the erasure has ended; and 0.
  user_id      text NOT NULL,
  seq          bigint NOT NULL,
  -- The one exchange that is forgotten; NULL for everything before this erasure.
  exchange_id  uuid,
  requested_at timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  -- How much of what is gone.
  removed      jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, id) REFERENCES turns (tenant_id, message_id)
);
CREATE INDEX erasures_open ON erasures (tenant_id, agent_id, user_id) WHERE finished_at IS NULL;
ALTER TABLE erasures OWNER TO konstruct_owner;
ALTER TABLE erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE erasures FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON erasures USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT ON erasures TO konstruct_app, konstruct_api, konstruct_worker;
GRANT INSERT (tenant_id, id, agent_id, user_id, seq, exchange_id) ON erasures TO konstruct_app, konstruct_api;

GRANT USAGE ON SCHEMA public TO konstruct_eraser;
GRANT SELECT, DELETE ON conversation_embeddings, exchange_passages TO konstruct_eraser;
GRANT SELECT, UPDATE (user_id, seq, dedupe_key, body_hash, api_key_id, state, finished_at) ON turns
  TO konstruct_eraser;
GRANT SELECT, UPDATE (user_id, seq, finished_at, removed) ON erasures TO konstruct_eraser;
GRANT INSERT (tenant_id, actor_type, action, target_type, target_id, outcome, counts)
  ON audit_entries TO konstruct_eraser;

-- The erasure, locked until the transaction ends: two attempts at the same moment count nothing twice.
CREATE FUNCTION open_erasure(erasure uuid) RETURNS erasures
  LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp
  AS $$
  DECLARE
    found_row erasures;
  BEGIN
    SELECT * INTO found_row FROM erasures WHERE tenant_id = current_tenant() AND id = erasure FOR UPDATE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'this tenant has no erasure %', erasure;
    END IF;
    RETURN found_row;
  END $$;

-- Adds to the receipt, and gives it.
CREATE FUNCTION count_erased(erasure uuid, counts jsonb) RETURNS jsonb
  LANGUAGE sql VOLATILE SET search_path = public, pg_temp
  AS $$
    UPDATE erasures e SET removed = e.removed || (
        SELECT jsonb_object_agg(key, value::bigint + coalesce((e.removed ->> key)::bigint, 0))
        FROM jsonb_each_text(counts))
      WHERE tenant_id = current_tenant() AND id = erasure
      RETURNING removed;
  $$;

CREATE FUNCTION audit_erasure(erasure uuid, what text, counts jsonb) RETURNS void
  LANGUAGE sql VOLATILE SET search_path = public, pg_temp
  AS $$
    INSERT INTO audit_entries (tenant_id, actor_type, action, target_type, target_id, outcome, counts)
      VALUES (current_tenant(), 'system', what, 'erasure', erasure::text, 'done', counts);
  $$;

-- Forgets what is stored, `at_most` rows of each table, and says how many rows it has changed. When it was none,
-- nothing is left, and turns after this one need not wait for it any more.
CREATE FUNCTION forget_memories(erasure uuid, at_most integer) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  DECLARE
    e erasures := open_erasure(erasure);
    turns_ended bigint;
    memories bigint;
    passages bigint;
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
    IF memories + passages > 0 THEN
      counts := jsonb_build_object('memories', memories, 'passages', passages);
      PERFORM count_erased(erasure, counts);
      PERFORM audit_erasure(erasure, 'memory.delete', counts);
    ELSIF turns_ended = 0 THEN
      UPDATE turns SET state = 'done', finished_at = now()
        WHERE tenant_id = e.tenant_id AND message_id = e.id AND state IN ('accepted', 'refused');
    END IF;
    RETURN turns_ended + memories + passages;
  END $$;

-- Takes a forgotten turn's person out of the ledger. Each row gets a user of its own and no number, so that no gap
-- in a scope's numbers leads back to its rows. Its message_id stays, which is derived from its dedupe key: a repeated
-- delivery still finds it.
CREATE FUNCTION forget_turns(erasure uuid, messages uuid[]) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  DECLARE
    e erasures := open_erasure(erasure);
    anonymous bigint;
  BEGIN
    UPDATE turns SET user_id = 'erased:' || gen_random_uuid(), seq = 0, dedupe_key = 'erased:' || message_id,
        body_hash = '', api_key_id = NULL
      WHERE tenant_id = e.tenant_id AND agent_id = e.agent_id AND user_id = e.user_id AND seq < e.seq
        AND state = 'erased' AND message_id = ANY (messages);
    GET DIAGNOSTICS anonymous = ROW_COUNT;
    PERFORM count_erased(erasure, jsonb_build_object('turns', anonymous));
    RETURN anonymous;
  END $$;

-- Ends an erasure, with the counts of what others removed. It names nobody from then on.
CREATE FUNCTION finish_erasure(erasure uuid, counts jsonb) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  DECLARE
    e erasures := open_erasure(erasure);
  BEGIN
    IF e.finished_at IS NOT NULL THEN
      RETURN;
    END IF;
    PERFORM audit_erasure(erasure, 'erasure.finish', count_erased(erasure, counts));
    UPDATE turns SET user_id = 'erased:' || gen_random_uuid(), seq = 0, state = 'done',
        finished_at = coalesce(finished_at, now())
      WHERE tenant_id = e.tenant_id AND message_id = e.id;
    UPDATE erasures SET user_id = '', seq = 0, finished_at = now()
      WHERE tenant_id = e.tenant_id AND id = e.id;
  END $$;

GRANT CREATE ON SCHEMA public TO konstruct_eraser;
DO $$
DECLARE
  helper text;
  door text;
BEGIN
  FOREACH helper IN ARRAY ARRAY['open_erasure(uuid)', 'count_erased(uuid, jsonb)', 'audit_erasure(uuid, text, jsonb)'] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO konstruct_eraser', helper);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', helper);
  END LOOP;
  FOREACH door IN ARRAY ARRAY['forget_memories(uuid, integer)', 'forget_turns(uuid, uuid[])',
                              'finish_erasure(uuid, jsonb)'] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO konstruct_eraser', door);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO konstruct_app, konstruct_worker', door);
  END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM konstruct_eraser;

-- Down Migration
DROP FUNCTION finish_erasure(uuid, jsonb);
DROP FUNCTION forget_turns(uuid, uuid[]);
DROP FUNCTION forget_memories(uuid, integer);
DROP FUNCTION audit_erasure(uuid, text, jsonb);
DROP FUNCTION count_erased(uuid, jsonb);
DROP FUNCTION open_erasure(uuid);
DROP TABLE erasures;
ALTER TABLE conversation_embeddings ALTER COLUMN content SET STATISTICS -1, ALTER COLUMN embedding SET STATISTICS -1;
ALTER TABLE exchange_passages ALTER COLUMN embedding SET STATISTICS -1, ALTER COLUMN terms SET STATISTICS -1;
ALTER TABLE turns ALTER COLUMN dedupe_key SET STATISTICS -1, ALTER COLUMN body_hash SET STATISTICS -1;
DELETE FROM turns WHERE kind = 'erasure' OR state = 'erased';
ALTER TABLE turns DROP CONSTRAINT turns_state_check;
ALTER TABLE turns ADD CONSTRAINT turns_state_check CHECK (state IN ('accepted', 'refused', 'done', 'failed'));
ALTER TABLE turns DROP COLUMN kind;
REVOKE ALL ON turns, conversation_embeddings, exchange_passages FROM konstruct_eraser;
REVOKE ALL ON audit_entries FROM konstruct_eraser;
REVOKE USAGE ON SCHEMA public FROM konstruct_eraser;
