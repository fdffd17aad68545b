-- Up Migration
-- Each process has a role of its own, with what it needs and no more. Tenants and API keys are written through
-- the operator's role alone: whoever runs SQL as the API or as the worker can name any tenant, and still can't
-- make himself a key. konstruct_app may what API and worker may together, for installations with one role for both.

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['konstruct_api', 'konstruct_worker', 'konstruct_operator'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', wanted);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA public TO konstruct_api, konstruct_worker, konstruct_operator;

ALTER TABLE api_keys ADD COLUMN name text NOT NULL DEFAULT '' CHECK (length(name) <= 200);
-- To the minute, so that a busy key doesn't write a row for each request.
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;

REVOKE ALL ON tenants, api_keys FROM konstruct_app;
REVOKE UPDATE (name, settings) ON tenants FROM konstruct_app;
REVOKE UPDATE (revoked_at) ON api_keys FROM konstruct_app;
GRANT SELECT ON tenants TO konstruct_app;

-- Not the key that seals what intake accepts: who makes tenants needs none of theirs.
GRANT SELECT (id, name, settings, created_at) ON tenants TO konstruct_operator;
GRANT INSERT (id, name, settings) ON tenants TO konstruct_operator;
GRANT SELECT, INSERT ON api_keys TO konstruct_operator;
GRANT UPDATE (name, settings) ON tenants TO konstruct_operator;
GRANT UPDATE (revoked_at) ON api_keys TO konstruct_operator;

GRANT SELECT ON tenants, conversation_embeddings TO konstruct_api;
GRANT SELECT, INSERT, UPDATE ON agents, scopes TO konstruct_api;
GRANT SELECT, INSERT ON turns TO konstruct_api;
GRANT UPDATE (state, finished_at, offered_at) ON turns TO konstruct_api;

GRANT SELECT (id, seal_key) ON tenants TO konstruct_worker;
GRANT SELECT ON turns TO konstruct_worker;
GRANT UPDATE (state, finished_at, offered_at) ON turns TO konstruct_worker;
GRANT SELECT, INSERT ON conversation_embeddings, exchange_passages TO konstruct_worker;

-- Finding a key's tenant notes that the key was used.
GRANT UPDATE (last_used_at) ON api_keys TO konstruct_keys;
CREATE POLICY note_use ON api_keys FOR UPDATE TO konstruct_keys USING (true);
CREATE OR REPLACE FUNCTION tenant_of_api_key(hash bytea) RETURNS uuid
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
    UPDATE api_keys SET last_used_at = now()
    WHERE key_hash = hash AND revoked_at IS NULL
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');
    SELECT tenant_id FROM api_keys WHERE key_hash = hash AND revoked_at IS NULL
  $$;
GRANT EXECUTE ON FUNCTION tenant_of_api_key(bytea) TO konstruct_api;

-- Down Migration
CREATE OR REPLACE FUNCTION tenant_of_api_key(hash bytea) RETURNS uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$ SELECT tenant_id FROM api_keys WHERE key_hash = hash AND revoked_at IS NULL $$;
REVOKE EXECUTE ON FUNCTION tenant_of_api_key(bytea) FROM konstruct_api;
DROP POLICY note_use ON api_keys;
ALTER TABLE api_keys DROP COLUMN name, DROP COLUMN last_used_at;
REVOKE ALL ON tenants, api_keys, agents, scopes, turns, conversation_embeddings, exchange_passages
  FROM konstruct_api, konstruct_worker, konstruct_operator;
REVOKE USAGE ON SCHEMA public FROM konstruct_api, konstruct_worker, konstruct_operator;
GRANT SELECT, INSERT ON tenants, api_keys TO konstruct_app;
GRANT UPDATE (name, settings) ON tenants TO konstruct_app;
GRANT UPDATE (revoked_at) ON api_keys TO konstruct_app;
