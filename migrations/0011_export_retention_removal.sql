-- Up Migration
-- Taking memory along: the API reads passages for an export. What an import brings waits in two tables, until the
-- worker has embedded and stored it: the API writes no memory. And three doors that delete: one for what is forgotten
-- of imports, one for what a tenant no longer wants to keep, one for a tenant that the operator removes. Each writes
-- into the audit log in the same transaction.

GRANT SELECT ON exchange_passages TO konstruct_api;

-- The messages of one exchange: for an export, for retention, and for looking at one message.
CREATE INDEX conversation_embeddings_exchange ON conversation_embeddings (tenant_id, exchange_id);

-- What has become old, for retention: without these, a large tenant would be read whole each time.
CREATE INDEX conversation_embeddings_age ON conversation_embeddings (tenant_id, created_at);
CREATE INDEX turns_age ON turns (tenant_id, received_at) WHERE state <> 'accepted';

-- One row an import. It holds no text once the import has finished.
CREATE TABLE memory_imports (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  agent_id        uuid NOT NULL,
  user_id         text NOT NULL,
  exchanges       integer NOT NULL,
  stored          integer NOT NULL DEFAULT 0,
  -- The messages of the window, as JSON; NULL when there are none, or no more.
  window_messages text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  finished_at     timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);
CREATE INDEX memory_imports_scope ON memory_imports (tenant_id, agent_id, user_id);
ALTER TABLE memory_imports OWNER TO konstruct_owner;
ALTER TABLE memory_imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE memory_imports FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON memory_imports USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT ON memory_imports TO konstruct_api, konstruct_app;
GRANT SELECT, UPDATE (stored, window_messages, finished_at) ON memory_imports TO konstruct_worker;
GRANT UPDATE (stored, window_messages, finished_at) ON memory_imports TO konstruct_app;

-- One row an exchange, as its line of the file. A row goes in the transaction that stores its exchange, and with its
-- import, should that be deleted. The lines come before their import: only at the end is known how many there are.
CREATE TABLE memory_import_lines (
  tenant_id   uuid NOT NULL,
  import_id   uuid NOT NULL,
  line        integer NOT NULL,
  exchange_id uuid NOT NULL,
  content     text NOT NULL,
  PRIMARY KEY (tenant_id, import_id, line),
  FOREIGN KEY (tenant_id, import_id) REFERENCES memory_imports (tenant_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE memory_import_lines OWNER TO konstruct_owner;
ALTER TABLE memory_import_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE memory_import_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON memory_import_lines USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT INSERT ON memory_import_lines TO konstruct_api, konstruct_app;
GRANT SELECT, DELETE ON memory_import_lines TO konstruct_worker, konstruct_app;

-- The planner keeps samples of columns, in clear, until it looks again, and nothing is planned by these.
ALTER TABLE memory_imports ALTER COLUMN window_messages SET STATISTICS 0;
ALTER TABLE memory_import_lines ALTER COLUMN content SET STATISTICS 0;

-- The number of a scope's last erasure. A file that was on its way meanwhile brings nothing back: its import compares
-- the number at its begin and at its end.
ALTER TABLE scopes ADD COLUMN last_erasure bigint NOT NULL DEFAULT 0;

-- Forgets what imports have brought and not yet stored, for an erasure that was entered and not for any other. The
-- first step of an erasure: afterwards no import stores anything that was forgotten. There is none of the scope that
-- was accepted after the erasure, since while one has yet to finish no import is accepted.
GRANT SELECT, DELETE, UPDATE (window_messages) ON memory_imports TO konstruct_eraser;
GRANT SELECT, DELETE ON memory_import_lines TO konstruct_eraser;
CREATE FUNCTION forget_imports(erasure uuid) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  DECLARE
    e erasures := open_erasure(erasure);
    imports bigint := 0;
    lines bigint := 0;
    windows bigint := 0;
  BEGIN
    IF e.finished_at IS NOT NULL THEN
      RETURN;
    END IF;
    -- The import first and then its lines, as whoever stores some of them locks them.
    PERFORM FROM memory_imports i
      WHERE i.tenant_id = e.tenant_id AND i.agent_id = e.agent_id AND i.user_id = e.user_id FOR UPDATE;
    DELETE FROM memory_import_lines l USING memory_imports i
      WHERE i.tenant_id = e.tenant_id AND i.agent_id = e.agent_id AND i.user_id = e.user_id
        AND l.tenant_id = i.tenant_id AND l.import_id = i.id
        AND (e.exchange_id IS NULL OR l.exchange_id = e.exchange_id);
    GET DIAGNOSTICS lines = ROW_COUNT;
    IF e.exchange_id IS NULL THEN
      DELETE FROM memory_imports i
        WHERE i.tenant_id = e.tenant_id AND i.agent_id = e.agent_id AND i.user_id = e.user_id;
      GET DIAGNOSTICS imports = ROW_COUNT;
    ELSE
      UPDATE memory_imports i SET window_messages = (
          SELECT jsonb_agg(m ORDER BY place)
          FROM jsonb_array_elements(i.window_messages::jsonb) WITH ORDINALITY w (m, place)
          WHERE m ->> 'exchange' IS DISTINCT FROM e.exchange_id::text)
        WHERE i.tenant_id = e.tenant_id AND i.agent_id = e.agent_id AND i.user_id = e.user_id
          AND i.window_messages::jsonb @> jsonb_build_array(jsonb_build_object('exchange', e.exchange_id));
      GET DIAGNOSTICS windows = ROW_COUNT;
    END IF;
    IF imports + lines + windows > 0 THEN
      PERFORM audit_erasure(erasure, 'import.delete',
        jsonb_build_object('imports', imports, 'lines', lines, 'windows', windows));
    END IF;
  END $$;
GRANT CREATE ON SCHEMA public TO konstruct_eraser;
ALTER FUNCTION forget_imports(uuid) OWNER TO konstruct_eraser;
REVOKE CREATE ON SCHEMA public FROM konstruct_eraser;
REVOKE ALL ON FUNCTION forget_imports(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_imports(uuid) TO konstruct_worker, konstruct_app;

-- The tenants that limit how long something is kept. Nobody logs in as the functions' owner, and it sees no other
-- tenants than these.
CREATE POLICY limits_retention ON tenants FOR SELECT TO konstruct_owner USING (settings ? 'retention');
CREATE FUNCTION tenants_with_retention() RETURNS SETOF uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$ SELECT id FROM tenants WHERE settings ? 'retention' $$;
ALTER FUNCTION tenants_with_retention() OWNER TO konstruct_owner;
REVOKE ALL ON FUNCTION tenants_with_retention() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_retention() TO konstruct_worker, konstruct_app;

-- Deletes what the transaction's tenant no longer wants to keep, of some messages, turns and imports at a time: call
-- it until it gives no row, with fewer where the statement's time is over before they are gone. How long is the tenant's own setting: the caller can't shorten it. An exchange goes
-- whole, with its first message. A turn that may still run stays, and so does one that an erasure has yet to forget:
-- it finds the turn's executions by the turn. The receipt of an erasure goes with its entry in the ledger.
CREATE FUNCTION sweep_retention(at_most integer)
  RETURNS TABLE (agent_id uuid, user_id text, exchange_id uuid, messages integer, passages integer, turns integer)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  #variable_conflict use_column
  DECLARE
    tenant uuid := current_tenant();
    kept jsonb;
    memory_days integer;
    ledger_days integer;
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
            AND received_at < now() - make_interval(days => ledger_days)
            AND NOT EXISTS (
              SELECT FROM erasures e
              WHERE e.tenant_id = tenant AND e.agent_id = t.agent_id AND e.user_id = t.user_id
                AND e.finished_at IS NULL)
          LIMIT at_once
        ), gone_receipts AS (
          DELETE FROM erasures e USING old WHERE e.tenant_id = tenant AND e.id = old.message_id
        ), gone_turns AS (
          DELETE FROM turns t USING old
          WHERE t.tenant_id = tenant AND t.message_id = old.message_id
          RETURNING t.agent_id, t.user_id
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
ALTER FUNCTION sweep_retention(integer) OWNER TO konstruct_owner;
REVOKE ALL ON FUNCTION sweep_retention(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sweep_retention(integer) TO konstruct_worker, konstruct_app;

-- A tenant that is being removed, or has been. The row stays, so that nothing of the tenant comes in again.
CREATE TABLE tenant_removals (
  tenant_id    uuid PRIMARY KEY,
  requested_at timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  -- How many rows of which table are gone.
  row_counts   jsonb NOT NULL DEFAULT '{}',
  -- And how many executions of Temporal, and keys of Redis.
  executions   bigint NOT NULL DEFAULT 0,
  keys         bigint NOT NULL DEFAULT 0
);
ALTER TABLE tenant_removals OWNER TO konstruct_owner;
ALTER TABLE tenant_removals ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_removals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tenant_removals USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT ON tenant_removals TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator;
GRANT INSERT (tenant_id) ON tenant_removals TO konstruct_operator;

-- The tables that hold what belongs to a tenant. What must outlive the tenant is named here.
CREATE FUNCTION tables_of_tenants() RETURNS SETOF regclass
  LANGUAGE sql STABLE SET search_path = public, pg_temp
  AS $$
    SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname NOT IN ('tenant_removals', 'audit_entries')
    ORDER BY c.relname
  $$;
ALTER FUNCTION tables_of_tenants() OWNER TO konstruct_owner;
REVOKE ALL ON FUNCTION tables_of_tenants() FROM PUBLIC;

-- To the service a tenant that is being removed is gone at once, and no row of it comes in, whoever was about to write.
DO $$
DECLARE
  tenants_table regclass;
BEGIN
  FOR tenants_table IN SELECT * FROM tables_of_tenants() LOOP
    EXECUTE format($policy$
      CREATE POLICY not_removed ON %s AS RESTRICTIVE FOR INSERT
        TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator
        WITH CHECK (NOT EXISTS (SELECT FROM tenant_removals r WHERE r.tenant_id = current_tenant()))
      $policy$, tenants_table);
  END LOOP;
END $$;
CREATE POLICY removed_is_gone ON agents AS RESTRICTIVE FOR SELECT
  TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator
  USING (NOT EXISTS (SELECT FROM tenant_removals r WHERE r.tenant_id = current_tenant()));
CREATE POLICY removed_is_gone ON tenants AS RESTRICTIVE FOR SELECT
  TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator
  USING (NOT EXISTS (SELECT FROM tenant_removals r WHERE r.tenant_id = current_tenant()));

-- Deletes rows of the transaction's tenant, some of each table at a time, when its removal has been asked for and not
-- otherwise. Gives how many: call it until there were none.
CREATE FUNCTION remove_rows_of_tenant(at_most integer) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  DECLARE
    tenant uuid := current_tenant();
    tenants_table regclass;
    gone bigint;
    counts jsonb;
    total bigint := 0;
  BEGIN
    SELECT row_counts INTO counts FROM tenant_removals WHERE tenant_id = tenant AND finished_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
      RETURN 0;
    END IF;
    FOR tenants_table IN SELECT * FROM tables_of_tenants() LOOP
      BEGIN
        EXECUTE format('DELETE FROM %1$s WHERE tenant_id = $1 AND ctid = ANY (ARRAY(
          SELECT ctid FROM %1$s WHERE tenant_id = $1 LIMIT $2))', tenants_table) USING tenant, at_most;
        GET DIAGNOSTICS gone = ROW_COUNT;
      EXCEPTION WHEN foreign_key_violation THEN
        -- Another table still refers to them: a later call finds them free.
        gone := 0;
      END;
      CONTINUE WHEN gone = 0;
      total := total + gone;
      counts := jsonb_set(counts, ARRAY[tenants_table::text],
        to_jsonb(gone + coalesce((counts ->> tenants_table::text)::bigint, 0)));
    END LOOP;
    UPDATE tenant_removals SET row_counts = counts WHERE tenant_id = tenant;
    RETURN total;
  END $$;

-- Ends a removal: the tenant itself goes. Refuses, by its foreign keys, while there are agents or API keys.
CREATE FUNCTION finish_tenant_removal(gone_executions bigint, gone_keys bigint) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  DECLARE
    gone_rows jsonb;
  BEGIN
    UPDATE tenant_removals SET finished_at = now(), executions = gone_executions, keys = gone_keys
      WHERE tenant_id = current_tenant() AND finished_at IS NULL RETURNING row_counts INTO gone_rows;
    IF FOUND THEN
      INSERT INTO audit_entries (tenant_id, actor_type, action, target_type, target_id, outcome, counts)
        VALUES (current_tenant(), 'system', 'removal.finish', 'tenant', current_tenant()::text, 'done',
          gone_rows || jsonb_build_object('executions', gone_executions, 'keys', gone_keys));
      DELETE FROM tenants WHERE id = current_tenant();
    END IF;
  END $$;

DO $$
DECLARE
  door text;
BEGIN
  FOREACH door IN ARRAY ARRAY['remove_rows_of_tenant(integer)', 'finish_tenant_removal(bigint, bigint)'] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO konstruct_owner', door);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO konstruct_worker, konstruct_app', door);
  END LOOP;
END $$;

-- Down Migration
DROP FUNCTION finish_tenant_removal(bigint, bigint);
DROP FUNCTION remove_rows_of_tenant(integer);
DROP POLICY removed_is_gone ON agents;
DROP POLICY removed_is_gone ON tenants;
DO $$
DECLARE
  tenants_table regclass;
BEGIN
  FOR tenants_table IN SELECT * FROM tables_of_tenants() LOOP
    EXECUTE format('DROP POLICY not_removed ON %s', tenants_table);
  END LOOP;
END $$;
DROP FUNCTION tables_of_tenants();
DROP TABLE tenant_removals;
DROP FUNCTION sweep_retention(integer);
DROP FUNCTION tenants_with_retention();
DROP POLICY limits_retention ON tenants;
DROP FUNCTION forget_imports(uuid);
ALTER TABLE scopes DROP COLUMN last_erasure;
DROP TABLE memory_import_lines, memory_imports;
DROP INDEX turns_age;
DROP INDEX conversation_embeddings_age;
DROP INDEX conversation_embeddings_exchange;
REVOKE SELECT ON exchange_passages FROM konstruct_api;
