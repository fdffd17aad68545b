-- Up Migration
-- What is derived of an exchange's texts says which version of the code has derived it: where its passages
-- are cut, their vectors, terms, flags and weight. What was there before is of version 0, and so is what an
-- older worker stores.

ALTER TABLE exchange_passages ADD COLUMN version smallint NOT NULL DEFAULT 0;
-- The exchanges of a tenant with older passages, page by page.
CREATE INDEX exchange_passages_version ON exchange_passages (tenant_id, version, exchange_id);

-- The reindex of a tenant that the operator has asked for last. It holds ids, times and counts.
CREATE TABLE reindexes (
  tenant_id    uuid PRIMARY KEY,
  id           uuid NOT NULL,
  -- What is older than this is derived anew.
  version      smallint NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  -- The exchanges that were older at its begin; NULL until they are counted.
  exchanges    integer,
  renewed      integer NOT NULL DEFAULT 0,
  -- Those that were older still at its end.
  left_over    integer
);
ALTER TABLE reindexes OWNER TO konstruct_owner;
ALTER TABLE reindexes ENABLE ROW LEVEL SECURITY;
ALTER TABLE reindexes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON reindexes USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY not_removed ON reindexes AS RESTRICTIVE FOR INSERT
  TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator
  WITH CHECK (NOT EXISTS (SELECT FROM tenant_removals r WHERE r.tenant_id = current_tenant()));
-- Only the operator begins one.
CREATE POLICY ended_stays_so ON reindexes AS RESTRICTIVE FOR UPDATE TO konstruct_worker, konstruct_app
  USING (finished_at IS NULL) WITH CHECK (true);
GRANT SELECT ON reindexes TO konstruct_operator, konstruct_worker, konstruct_app;
GRANT INSERT (tenant_id, id, version) ON reindexes TO konstruct_operator;
GRANT UPDATE (id, version, requested_at, finished_at, exchanges, renewed, left_over) ON reindexes TO konstruct_operator;
GRANT UPDATE (finished_at, exchanges, renewed, left_over) ON reindexes TO konstruct_worker, konstruct_app;

-- Takes the passages of an exchange away, so that the same transaction stores them anew: of the
-- transaction's tenant, while its reindex is under way, and only where some are older than that asks for.
-- `messages` are those that the new passages are made of: all that the old ones were made of, and all still
-- there. False, and nothing is done, otherwise.
--
-- Until the transaction ends nobody deletes these messages; who does so afterwards deletes passages by a
-- later statement, which sees the new ones. Who deletes already goes first: this one never waits, it fails.
CREATE FUNCTION clear_old_passages(exchange uuid, messages uuid[]) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  DECLARE
    tenant uuid := current_tenant();
    wanted smallint;
    held integer;
  BEGIN
    SELECT version INTO wanted FROM reindexes WHERE tenant_id = tenant AND finished_at IS NULL;
    IF wanted IS NULL THEN
      RETURN false;
    END IF;
    PERFORM FROM conversation_embeddings
      WHERE tenant_id = tenant AND exchange_id = exchange AND id = ANY (messages) FOR KEY SHARE NOWAIT;
    GET DIAGNOSTICS held = ROW_COUNT;
    PERFORM FROM exchange_passages WHERE tenant_id = tenant AND exchange_id = exchange FOR UPDATE NOWAIT;
    IF held = 0 OR held < cardinality(messages)
      OR NOT EXISTS (
        SELECT FROM exchange_passages WHERE tenant_id = tenant AND exchange_id = exchange AND version < wanted)
      OR EXISTS (
        SELECT FROM exchange_passages WHERE tenant_id = tenant AND exchange_id = exchange
          AND (user_memory <> ALL (messages) OR reply_memory <> ALL (messages)))
    THEN
      RETURN false;
    END IF;
    DELETE FROM exchange_passages WHERE tenant_id = tenant AND exchange_id = exchange;
    RETURN true;
  END $$;
ALTER FUNCTION clear_old_passages(uuid, uuid[]) OWNER TO konstruct_owner;
REVOKE ALL ON FUNCTION clear_old_passages(uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION clear_old_passages(uuid, uuid[]) TO konstruct_worker, konstruct_app;

-- A sweep deletes an exchange's messages and passages by one statement, which doesn't see the passages that
-- have taken the place of others since it began. So what it has deleted is looked through once more.
ALTER FUNCTION sweep_retention(integer) RENAME TO sweep_retention_once;
REVOKE ALL ON FUNCTION sweep_retention_once(integer) FROM konstruct_worker, konstruct_app;
CREATE FUNCTION sweep_retention(at_most integer)
  RETURNS TABLE (agent_id uuid, user_id text, exchange_id uuid, messages integer, passages integer, turns integer)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  #variable_conflict use_column
  DECLARE
    swept record;
  BEGIN
    FOR swept IN SELECT * FROM sweep_retention_once(at_most) LOOP
      DELETE FROM exchange_passages p WHERE p.tenant_id = current_tenant() AND p.exchange_id = swept.exchange_id;
      RETURN QUERY SELECT swept.agent_id, swept.user_id, swept.exchange_id, swept.messages, swept.passages, swept.turns;
    END LOOP;
  END $$;
ALTER FUNCTION sweep_retention(integer) OWNER TO konstruct_owner;
REVOKE ALL ON FUNCTION sweep_retention(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sweep_retention(integer) TO konstruct_worker, konstruct_app;

-- Down Migration
DROP FUNCTION sweep_retention(integer);
ALTER FUNCTION sweep_retention_once(integer) RENAME TO sweep_retention;
GRANT EXECUTE ON FUNCTION sweep_retention(integer) TO konstruct_worker, konstruct_app;
DROP FUNCTION clear_old_passages(uuid, uuid[]);
DROP TABLE reindexes;
DROP INDEX exchange_passages_version;
ALTER TABLE exchange_passages DROP COLUMN version;
