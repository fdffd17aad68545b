-- Up Migration
-- Forgets what imports have brought and not yet stored, some rows at a time, and says how many it has changed: call it
-- until there were none. An import that is looked at is locked first and its lines after it, as whoever stores some
-- of them does. An import of all of a scope goes with its last line.
DROP FUNCTION forget_imports(uuid);
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
