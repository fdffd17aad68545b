-- Up Migration
-- Roles, tenants, agents and API keys.
--
-- Every table is owned by a role that nobody can log in as, and row-level security is FORCED, so that
-- not even the owner reads across tenants. The service logs in as konstruct_app, which owns nothing.

CREATE EXTENSION IF NOT EXISTS vector;

-- Roles belong to the whole server: another database (a test's, say) may be creating the same one now.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['konstruct_owner', 'konstruct_keys', 'konstruct_app'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', wanted);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END LOOP;
END $$;

-- What the policies compare with. A setting left by an earlier transaction on a pooled connection reads
-- as '', which becomes NULL here: no tenant means no rows and no inserts, never an accident.
CREATE FUNCTION current_tenant() RETURNS uuid
  LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT NULLIF(current_setting('app.current_tenant', true), '')::uuid $$;

CREATE TABLE tenants (
  id         uuid PRIMARY KEY,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  settings   jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE tenants OWNER TO konstruct_owner;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tenants USING (id = current_tenant()) WITH CHECK (id = current_tenant());
GRANT SELECT, INSERT ON tenants TO konstruct_app;
GRANT UPDATE (name, settings) ON tenants TO konstruct_app;

CREATE TABLE agents (
  tenant_id         uuid NOT NULL REFERENCES tenants (id),
  id                uuid NOT NULL,
  name              text NOT NULL,
  job_title         text NOT NULL DEFAULT '',
  persona           text NOT NULL DEFAULT '',
  system_prompt     text NOT NULL DEFAULT '',
  model             text,
  max_prompt_tokens integer CHECK (max_prompt_tokens > 0),
  settings          jsonb NOT NULL DEFAULT '{}',
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE agents OWNER TO konstruct_owner;
ALTER TABLE agents ENABLE ROW LEVEL SECURITY;
ALTER TABLE agents FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON agents USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT, UPDATE ON agents TO konstruct_app;

-- Only the SHA-256 of a key is kept: keys are 256 random bits, so a fast hash gives nothing away.
CREATE TABLE api_keys (
  tenant_id  uuid NOT NULL REFERENCES tenants (id),
  id         uuid NOT NULL,
  key_hash   bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE api_keys OWNER TO konstruct_owner;
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON api_keys USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT ON api_keys TO konstruct_app;
GRANT UPDATE (revoked_at) ON api_keys TO konstruct_app;

-- A request arrives with a key and no tenant yet. This one function may look across tenants, for an
-- exact hash only; its owner may read nothing else.
GRANT USAGE ON SCHEMA public TO konstruct_keys, konstruct_app;
GRANT SELECT ON api_keys TO konstruct_keys;
CREATE POLICY find_by_hash ON api_keys FOR SELECT TO konstruct_keys USING (true);
CREATE FUNCTION tenant_of_api_key(hash bytea) RETURNS uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$ SELECT tenant_id FROM api_keys WHERE key_hash = hash AND revoked_at IS NULL $$;
GRANT CREATE ON SCHEMA public TO konstruct_keys;
ALTER FUNCTION tenant_of_api_key(bytea) OWNER TO konstruct_keys;
REVOKE CREATE ON SCHEMA public FROM konstruct_keys;
REVOKE ALL ON FUNCTION tenant_of_api_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_of_api_key(bytea) TO konstruct_app;

-- Down Migration
DROP FUNCTION tenant_of_api_key(bytea);
DROP TABLE api_keys, agents, tenants;
DROP FUNCTION current_tenant();
