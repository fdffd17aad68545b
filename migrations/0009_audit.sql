-- Up Migration
-- The audit log: who did what to a tenant, and how it ended. It holds no text of a message and no secret. Every
-- role of the service may add to it and read it, and none may change or remove anything.
--
-- tenant_id refers to no row: an entry outlives its tenant, and what concerns the installation as a whole
-- stands under 00000000-0000-0000-0000-000000000000.
CREATE TABLE audit_entries (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor_type  text NOT NULL CHECK (actor_type IN ('operator', 'api-key', 'slack-user', 'system')),
  -- The key's id, or a keyed hash of the user's.
  actor_id    text CHECK (length(actor_id) <= 100),
  actor_name  text CHECK (length(actor_name) <= 200),
  action      text NOT NULL CHECK (action ~ '^[a-z-]{1,40}\.[a-z-]{1,40}$'),
  target_type text NOT NULL CHECK (target_type ~ '^[a-z-]{1,40}$'),
  target_id   text CHECK (length(target_id) <= 200),
  outcome     text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  -- Numbers only, by name: how much was removed, say.
  counts      jsonb NOT NULL DEFAULT '{}' CHECK (length(counts::text) <= 2000),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_entries_of_tenant ON audit_entries (tenant_id, created_at DESC, id DESC);
CREATE INDEX audit_entries_of_all ON audit_entries (created_at DESC, id DESC);
ALTER TABLE audit_entries OWNER TO konstruct_owner;
ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON audit_entries
  USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY operator_reads_all ON audit_entries FOR SELECT TO konstruct_operator USING (true);
-- Not the time: an entry can't be dated back.
GRANT INSERT (tenant_id, actor_type, actor_id, actor_name, action, target_type, target_id, outcome, counts)
  ON audit_entries TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator;
GRANT SELECT ON audit_entries TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator;

-- A key's role and end. The keys that there are may everything, as before.
ALTER TABLE api_keys ADD COLUMN role text NOT NULL DEFAULT 'admin' CHECK (role IN ('chat', 'read', 'admin'));
ALTER TABLE api_keys ADD COLUMN expires_at timestamptz;
-- The key that this one stands for after rotations: what was sent with that one is this one's own.
ALTER TABLE api_keys ADD COLUMN replaces uuid;

-- The key that a message was sent with, the first one before rotations; NULL for a channel's messages.
ALTER TABLE turns ADD COLUMN api_key_id uuid;

-- Finding a key by its hash gives what its requests may do, and notes the use.
DROP FUNCTION tenant_of_api_key(bytea);
CREATE FUNCTION find_api_key(hash bytea)
  RETURNS TABLE (tenant_id uuid, id uuid, name text, role text, first_id uuid)
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
    UPDATE api_keys k SET last_used_at = now()
    WHERE k.key_hash = hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
      AND (k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute');
    SELECT k.tenant_id, k.id, k.name, k.role, coalesce(k.replaces, k.id) FROM api_keys k
    WHERE k.key_hash = hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
  $$;
GRANT CREATE ON SCHEMA public TO konstruct_keys;
ALTER FUNCTION find_api_key(bytea) OWNER TO konstruct_keys;
REVOKE CREATE ON SCHEMA public FROM konstruct_keys;
REVOKE ALL ON FUNCTION find_api_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_api_key(bytea) TO konstruct_app, konstruct_api;

-- Down Migration
DROP FUNCTION find_api_key(bytea);
CREATE FUNCTION tenant_of_api_key(hash bytea) RETURNS uuid
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
    UPDATE api_keys SET last_used_at = now()
    WHERE key_hash = hash AND revoked_at IS NULL
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');
    SELECT tenant_id FROM api_keys WHERE key_hash = hash AND revoked_at IS NULL
  $$;
GRANT CREATE ON SCHEMA public TO konstruct_keys;
ALTER FUNCTION tenant_of_api_key(bytea) OWNER TO konstruct_keys;
REVOKE CREATE ON SCHEMA public FROM konstruct_keys;
REVOKE ALL ON FUNCTION tenant_of_api_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_of_api_key(bytea) TO konstruct_app, konstruct_api;
ALTER TABLE turns DROP COLUMN api_key_id;
ALTER TABLE api_keys DROP COLUMN role, DROP COLUMN expires_at, DROP COLUMN replaces;
DROP TABLE audit_entries;
