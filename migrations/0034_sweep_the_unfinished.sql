-- Up Migration
-- What never came to its end is swept as well, once no step of it can run any more: a turn nine days after its start
-- was last sent, and an import as old as that, which counts as failed and whose lines go after that. The turns of a
-- user stay while an erasure of them has yet to finish. And of a user of whom nothing is left it is not kept either
-- when they were last heard. Nothing else of the function is new.
CREATE OR REPLACE FUNCTION sweep_retention_once(at_most integer)
  RETURNS TABLE (agent_id uuid, user_id text, exchange_id uuid, messages integer, passages integer, turns integer)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  #variable_conflict use_column
  DECLARE
    tenant uuid := current_tenant();
    kept jsonb;
    memory_days integer;
    ledger_days integer;
    -- A turn's steps live a day, and those that remember it seven more (src/domain/timing.ts).
    steps_live CONSTANT interval := interval '9 days';
    at_once CONSTANT integer := greatest(1, least(at_most, 5000));
    -- What an import has brought is as old as the import, and holds words beside a user's id.
    import_days integer;
    gone record;
    all_exchanges bigint := 0;
    all_messages bigint := 0;
    all_passages bigint := 0;
    all_turns bigint := 0;
    all_imports bigint := 0;
    all_ended bigint := 0;
    all_lines bigint := 0;
  BEGIN
    SELECT settings -> 'retention' INTO kept FROM tenants WHERE id = tenant;
    memory_days := (kept ->> 'memoryDays')::integer;
    ledger_days := (kept ->> 'ledgerDays')::integer;
    import_days := least(memory_days, ledger_days);
    IF import_days >= 1 THEN
      -- It ends before a line of it goes: a workflow of it that turns up in between finds nothing to do. Its end is
      -- when the last step of it could have run.
      UPDATE memory_imports i SET finished_at = created_at + steps_live, failed = true, window_messages = NULL
        WHERE i.tenant_id = tenant AND i.id = ANY (ARRAY(
          SELECT o.id FROM memory_imports o
          WHERE o.tenant_id = tenant AND o.finished_at IS NULL
            AND o.created_at < now() - greatest(make_interval(days => import_days), steps_live)
          LIMIT at_once FOR UPDATE));
      GET DIAGNOSTICS all_ended = ROW_COUNT;
      -- As whoever stores some of an import: the import is locked first, and before what is remembered.
      DELETE FROM memory_import_lines WHERE tenant_id = tenant AND (import_id, line) IN (
        SELECT l.import_id, l.line FROM memory_import_lines l
        WHERE l.tenant_id = tenant AND l.import_id = ANY (ARRAY(
          SELECT o.id FROM memory_imports o
          WHERE o.tenant_id = tenant AND o.failed AND EXISTS (
            SELECT FROM memory_import_lines s WHERE s.tenant_id = tenant AND s.import_id = o.id)
          LIMIT at_once FOR UPDATE))
        LIMIT at_once);
      GET DIAGNOSTICS all_lines = ROW_COUNT;
      IF all_ended + all_lines > 0 THEN
        RETURN QUERY SELECT NULL::uuid, NULL::text, NULL::uuid, 0, 0, 0;
      END IF;
    END IF;
    IF memory_days >= 1 THEN
      FOR gone IN
        WITH old AS MATERIALIZED (
          SELECT DISTINCT m.exchange_id FROM (
            SELECT exchange_id FROM conversation_embeddings
            WHERE tenant_id = tenant AND created_at < now() - make_interval(days => memory_days)
            LIMIT at_once
          ) m
        ), gone_passages AS (
          DELETE FROM exchange_passages p USING old
          WHERE p.tenant_id = tenant AND p.exchange_id = old.exchange_id
          RETURNING p.exchange_id
        ), gone_messages AS (
          DELETE FROM conversation_embeddings m USING old
          WHERE m.tenant_id = tenant AND m.exchange_id = old.exchange_id
          RETURNING m.agent_id, m.user_id, m.exchange_id
        )
        SELECT m.agent_id AS agent, m.user_id AS person, m.exchange_id AS exchange, count(*)::integer AS messages,
               (SELECT count(*)::integer FROM gone_passages p WHERE p.exchange_id = m.exchange_id) AS passages
        FROM gone_messages m GROUP BY 1, 2, 3
      LOOP
        all_exchanges := all_exchanges + 1;
        all_messages := all_messages + gone.messages;
        all_passages := all_passages + gone.passages;
        RETURN QUERY SELECT gone.agent, gone.person, gone.exchange, gone.messages, gone.passages, 0;
      END LOOP;
    END IF;
    IF ledger_days >= 1 THEN
      FOR gone IN
        WITH old AS MATERIALIZED (
          SELECT message_id FROM turns t
          WHERE tenant_id = tenant
            AND received_at < now() - greatest(make_interval(days => ledger_days), steps_live)
            AND offered_at < now() - steps_live
            AND NOT EXISTS (
              SELECT FROM erasures e
              WHERE e.tenant_id = tenant AND e.agent_id = t.agent_id AND e.user_id = t.user_id
                AND e.finished_at IS NULL)
          LIMIT at_once
        ), gone_turns AS (
          -- Somebody may try one again at this moment: its row is looked at once more when it is free.
          DELETE FROM turns t USING old
          WHERE t.tenant_id = tenant AND t.message_id = old.message_id
            AND t.offered_at < now() - steps_live
          RETURNING t.message_id, t.agent_id, t.user_id
        ), gone_receipts AS (
          DELETE FROM erasures e USING gone_turns g WHERE e.tenant_id = tenant AND e.id = g.message_id
        )
        SELECT g.agent_id AS agent, g.user_id AS person, count(*)::integer AS turns FROM gone_turns g GROUP BY 1, 2
      LOOP
        all_turns := all_turns + gone.turns;
        RETURN QUERY SELECT gone.agent, gone.person, NULL::uuid, 0, 0, gone.turns;
      END LOOP;
      DELETE FROM memory_imports i WHERE i.tenant_id = tenant AND i.id = ANY (ARRAY(
        SELECT o.id FROM memory_imports o
        WHERE o.tenant_id = tenant AND o.finished_at < now() - make_interval(days => ledger_days)
          -- Lines go some at a time.
          AND NOT EXISTS (
            SELECT FROM memory_import_lines l WHERE l.tenant_id = tenant AND l.import_id = o.id)
        LIMIT at_once));
      GET DIAGNOSTICS all_imports = ROW_COUNT;
      IF all_imports > 0 THEN
        RETURN QUERY SELECT NULL::uuid, NULL::text, NULL::uuid, 0, 0, 0;
      END IF;
    END IF;
    IF all_exchanges + all_turns + all_imports + all_lines > 0 THEN
      INSERT INTO audit_entries (tenant_id, actor_type, action, target_type, target_id, outcome, counts)
        VALUES (tenant, 'system', 'retention.sweep', 'tenant', tenant::text, 'done', jsonb_build_object(
          'exchanges', all_exchanges, 'messages', all_messages, 'passages', all_passages, 'turns', all_turns,
          'imports', all_imports, 'lines', all_lines));
    ELSIF memory_days >= 1 AND ledger_days >= 1 THEN
      -- Of whom nothing is left it is not kept either when they were last heard. Their number stays: an old window
      -- goes by it. This comes when all else is gone, so no lock of it waits for Redis; who is heard now is passed by.
      UPDATE scopes s SET active_at = 'epoch'
        WHERE s.tenant_id = tenant AND (s.agent_id, s.user_id) IN (
          SELECT o.agent_id, o.user_id FROM agents a JOIN scopes o ON o.tenant_id = tenant AND o.agent_id = a.id
          WHERE a.tenant_id = tenant AND o.active_at > 'epoch'
            AND o.active_at < now() - greatest(make_interval(days => greatest(memory_days, ledger_days)), steps_live)
            AND NOT EXISTS (
              SELECT FROM turns t
              WHERE t.tenant_id = tenant AND t.agent_id = o.agent_id AND t.user_id = o.user_id)
            AND NOT EXISTS (
              SELECT FROM conversation_embeddings m
              WHERE m.tenant_id = tenant AND m.agent_id = o.agent_id AND m.user_id = o.user_id)
          LIMIT at_once FOR NO KEY UPDATE OF o SKIP LOCKED);
      IF FOUND THEN
        RETURN QUERY SELECT NULL::uuid, NULL::text, NULL::uuid, 0, 0, 0;
      END IF;
    END IF;
  END $$;

-- Down Migration
CREATE OR REPLACE FUNCTION sweep_retention_once(at_most integer)
  RETURNS TABLE (agent_id uuid, user_id text, exchange_id uuid, messages integer, passages integer, turns integer)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  #variable_conflict use_column
  DECLARE
    tenant uuid := current_tenant();
    kept jsonb;
    memory_days integer;
    ledger_days integer;
    -- A turn's steps live a day, and those that remember it seven more (src/domain/timing.ts).
    steps_live CONSTANT interval := interval '9 days';
    at_once CONSTANT integer := greatest(1, least(at_most, 5000));
    gone record;
    all_exchanges bigint := 0;
    all_messages bigint := 0;
    all_passages bigint := 0;
    all_turns bigint := 0;
    all_imports bigint := 0;
  BEGIN
    SELECT settings -> 'retention' INTO kept FROM tenants WHERE id = tenant;
    memory_days := (kept ->> 'memoryDays')::integer;
    ledger_days := (kept ->> 'ledgerDays')::integer;
    IF memory_days >= 1 THEN
      FOR gone IN
        WITH old AS MATERIALIZED (
          SELECT DISTINCT m.exchange_id FROM (
            SELECT exchange_id FROM conversation_embeddings
            WHERE tenant_id = tenant AND created_at < now() - make_interval(days => memory_days)
            LIMIT at_once
          ) m
        ), gone_passages AS (
          DELETE FROM exchange_passages p USING old
          WHERE p.tenant_id = tenant AND p.exchange_id = old.exchange_id
          RETURNING p.exchange_id
        ), gone_messages AS (
          DELETE FROM conversation_embeddings m USING old
          WHERE m.tenant_id = tenant AND m.exchange_id = old.exchange_id
          RETURNING m.agent_id, m.user_id, m.exchange_id
        )
        SELECT m.agent_id AS agent, m.user_id AS person, m.exchange_id AS exchange, count(*)::integer AS messages,
               (SELECT count(*)::integer FROM gone_passages p WHERE p.exchange_id = m.exchange_id) AS passages
        FROM gone_messages m GROUP BY 1, 2, 3
      LOOP
        all_exchanges := all_exchanges + 1;
        all_messages := all_messages + gone.messages;
        all_passages := all_passages + gone.passages;
        RETURN QUERY SELECT gone.agent, gone.person, gone.exchange, gone.messages, gone.passages, 0;
      END LOOP;
    END IF;
    IF ledger_days >= 1 THEN
      FOR gone IN
        WITH old AS MATERIALIZED (
          SELECT message_id FROM turns t
          WHERE tenant_id = tenant AND state <> 'accepted'
            AND received_at < now() - greatest(make_interval(days => ledger_days), steps_live)
            AND offered_at < now() - steps_live
            AND NOT EXISTS (
              SELECT FROM erasures e
              WHERE e.tenant_id = tenant AND e.agent_id = t.agent_id AND e.user_id = t.user_id
                AND e.finished_at IS NULL)
          LIMIT at_once
        ), gone_turns AS (
          -- Somebody may try one again at this moment: its row is looked at once more when it is free.
          DELETE FROM turns t USING old
          WHERE t.tenant_id = tenant AND t.message_id = old.message_id
            AND t.state <> 'accepted' AND t.offered_at < now() - steps_live
          RETURNING t.message_id, t.agent_id, t.user_id
        ), gone_receipts AS (
          DELETE FROM erasures e USING gone_turns g WHERE e.tenant_id = tenant AND e.id = g.message_id
        )
        SELECT g.agent_id AS agent, g.user_id AS person, count(*)::integer AS turns FROM gone_turns g GROUP BY 1, 2
      LOOP
        all_turns := all_turns + gone.turns;
        RETURN QUERY SELECT gone.agent, gone.person, NULL::uuid, 0, 0, gone.turns;
      END LOOP;
      DELETE FROM memory_imports i WHERE i.tenant_id = tenant AND i.id = ANY (ARRAY(
        SELECT o.id FROM memory_imports o
        WHERE o.tenant_id = tenant AND o.finished_at < now() - make_interval(days => ledger_days)
        LIMIT at_once));
      GET DIAGNOSTICS all_imports = ROW_COUNT;
      IF all_imports > 0 THEN
        RETURN QUERY SELECT NULL::uuid, NULL::text, NULL::uuid, 0, 0, 0;
      END IF;
    END IF;
    IF all_exchanges + all_turns + all_imports > 0 THEN
      INSERT INTO audit_entries (tenant_id, actor_type, action, target_type, target_id, outcome, counts)
        VALUES (tenant, 'system', 'retention.sweep', 'tenant', tenant::text, 'done', jsonb_build_object(
          'exchanges', all_exchanges, 'messages', all_messages, 'passages', all_passages, 'turns', all_turns,
          'imports', all_imports));
    END IF;
  END $$;
