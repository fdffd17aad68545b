-- Up Migration
-- Where the Slack app is installed, and for which agent. An event arrives with the ids of a workspace and no tenant:
-- one function may look across tenants, for an exact place only, as one does for API keys. Tokens are encrypted with
-- the tenant's key of the ring before they come here.
CREATE TABLE slack_installations (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  agent_id        uuid NOT NULL,
  -- The workspace (T…), or the organisation of an Enterprise Grid (E…) when the app is installed for all of it.
  place           text NOT NULL CHECK (place ~ '^[A-Z0-9][A-Za-z0-9_-]{0,59}$'),
  is_organisation boolean NOT NULL,
  bot_user_id     text NOT NULL,
  bot_id          text,
  scopes          text NOT NULL,
  -- Which key of the ring has encrypted the token. Both are NULL once the app is gone from there.
  token_key       text,
  token           bytea,
  installed_at    timestamptz NOT NULL DEFAULT now(),
  ended_at        timestamptz,
  ended_by        text CHECK (ended_by IN ('uninstalled', 'revoked', 'replaced', 'removed')),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
  CHECK ((ended_at IS NULL) = (token IS NOT NULL) AND (token IS NULL) = (token_key IS NULL))
);
-- A place is one tenant's at a time.
CREATE UNIQUE INDEX slack_installations_place ON slack_installations (place) WHERE ended_at IS NULL;
ALTER TABLE slack_installations OWNER TO konstruct_owner;
ALTER TABLE slack_installations ENABLE ROW LEVEL SECURITY;
ALTER TABLE slack_installations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON slack_installations USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT ON slack_installations TO konstruct_api, konstruct_worker, konstruct_app;
GRANT INSERT, UPDATE (token_key, token, ended_at, ended_by) ON slack_installations TO konstruct_api, konstruct_app;
-- A tenant that is to be removed loses its tokens at once.
GRANT SELECT (tenant_id, ended_at), UPDATE (token_key, token, ended_at, ended_by) ON slack_installations
  TO konstruct_operator;

-- A link by which somebody installs the app for an agent, once.
CREATE TABLE slack_install_links (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  agent_id   uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at    timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);
ALTER TABLE slack_install_links OWNER TO konstruct_owner;
ALTER TABLE slack_install_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE slack_install_links FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON slack_install_links USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT, UPDATE (used_at) ON slack_install_links TO konstruct_api, konstruct_app;
-- Those that have expired go when the next is made.
GRANT DELETE ON slack_install_links TO konstruct_api, konstruct_app;

-- The channels in which another agent speaks than the workspace's own.
CREATE TABLE slack_channels (
  tenant_id  uuid NOT NULL,
  channel_id text NOT NULL CHECK (length(channel_id) <= 60),
  agent_id   uuid NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, channel_id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);
ALTER TABLE slack_channels OWNER TO konstruct_owner;
ALTER TABLE slack_channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE slack_channels FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON slack_channels USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT, UPDATE (agent_id, updated_at), DELETE ON slack_channels TO konstruct_api, konstruct_app;
GRANT SELECT ON slack_channels TO konstruct_worker;
-- An agent that was given a channel speaks there under its own name.
GRANT SELECT (tenant_id, id, name) ON agents TO konstruct_worker;

DO $$
DECLARE
  new_table text;
BEGIN
  FOREACH new_table IN ARRAY ARRAY['slack_installations', 'slack_install_links', 'slack_channels'] LOOP
    EXECUTE format($policy$
      CREATE POLICY not_removed ON %I AS RESTRICTIVE FOR INSERT
        TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator
        WITH CHECK (NOT EXISTS (SELECT FROM tenant_removals r WHERE r.tenant_id = current_tenant()))
      $policy$, new_table);
  END LOOP;
END $$;

GRANT SELECT ON slack_installations TO konstruct_keys;
CREATE POLICY find_by_place ON slack_installations FOR SELECT TO konstruct_keys USING (true);
CREATE FUNCTION find_slack_installation(workspace text, organisation text)
  RETURNS TABLE (tenant_id uuid, id uuid, agent_id uuid, place text, is_organisation boolean, bot_user_id text,
                 bot_id text, token_key text, token bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
    SELECT i.tenant_id, i.id, i.agent_id, i.place, i.is_organisation, i.bot_user_id, i.bot_id, i.token_key, i.token
    FROM slack_installations i
    WHERE i.ended_at IS NULL
      AND ((i.place = workspace AND NOT i.is_organisation) OR (i.place = organisation AND i.is_organisation))
    -- A workspace's own goes before its organisation's.
    ORDER BY i.is_organisation LIMIT 1
  $$;
-- Which tokens another key than this one has encrypted: a key of the ring can go once there are none.
CREATE FUNCTION slack_installations_to_encrypt(current_key text) RETURNS TABLE (tenant_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
    SELECT i.tenant_id, i.id FROM slack_installations i WHERE i.ended_at IS NULL AND i.token_key <> current_key
  $$;
GRANT CREATE ON SCHEMA public TO konstruct_keys;
DO $$
DECLARE
  door text;
BEGIN
  FOREACH door IN ARRAY ARRAY['find_slack_installation(text, text)', 'slack_installations_to_encrypt(text)'] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO konstruct_keys', door);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO konstruct_app, konstruct_api', door);
  END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM konstruct_keys;

-- Down Migration
DROP FUNCTION slack_installations_to_encrypt(text);
DROP FUNCTION find_slack_installation(text, text);
REVOKE SELECT (tenant_id, id, name) ON agents FROM konstruct_worker;
DROP TABLE slack_channels, slack_install_links, slack_installations;
