-- Up Migration
-- A key's use is noted once a minute, in the transaction that looks the key up. Whoever looks it up at the same time
-- leaves the note to that one: no request waits for another's. Nothing else of the function is new.
CREATE OR REPLACE FUNCTION find_api_key(hash bytea)
  RETURNS TABLE (tenant_id uuid, id uuid, name text, role text, first_id uuid)
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
    UPDATE api_keys k SET last_used_at = now()
    WHERE k.key_hash = (
      SELECT u.key_hash FROM api_keys u
      WHERE u.key_hash = hash AND u.revoked_at IS NULL AND (u.expires_at IS NULL OR u.expires_at > now())
        AND (u.last_used_at IS NULL OR u.last_used_at < now() - interval '1 minute')
      FOR NO KEY UPDATE SKIP LOCKED);
    SELECT k.tenant_id, k.id, k.name, k.role, coalesce(k.replaces, k.id) FROM api_keys k
    WHERE k.key_hash = hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
  $$;

-- Down Migration
CREATE OR REPLACE FUNCTION find_api_key(hash bytea)
  RETURNS TABLE (tenant_id uuid, id uuid, name text, role text, first_id uuid)
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
    UPDATE api_keys k SET last_used_at = now()
    WHERE k.key_hash = hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
      AND (k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute');
    SELECT k.tenant_id, k.id, k.name, k.role, coalesce(k.replaces, k.id) FROM api_keys k
    WHERE k.key_hash = hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
  $$;
