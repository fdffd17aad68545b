-- Up Migration
-- What those who set up an agent look at: its turns, how they went, and its users. The ledger still holds no text.

-- What a turn had to do without, and its numbers: how long each step took, and how much was recalled. They are written
-- with its end.
ALTER TABLE turns ADD COLUMN missing text[] NOT NULL DEFAULT '{}' CHECK (cardinality(missing) <= 10);
ALTER TABLE turns ADD COLUMN figures jsonb CHECK (length(figures::text) <= 1000);
GRANT UPDATE (missing, figures) ON turns TO konstruct_worker, konstruct_app;

-- The newest turns, and what has become old. Erasures are among them: they are few.
DROP INDEX turns_age;
CREATE INDEX turns_newest ON turns (tenant_id, received_at DESC, message_id DESC);
CREATE INDEX turns_of_agent ON turns (tenant_id, agent_id, received_at DESC, message_id DESC);
-- What went wrong is rare: without this, a large ledger would be read for a page of it.
CREATE INDEX turns_in_trouble ON turns (tenant_id, received_at DESC, message_id DESC)
  WHERE kind = 'message' AND (state = 'failed' OR missing <> '{}');

-- When a user was last heard, for the list of an agent's users.
ALTER TABLE scopes ADD COLUMN active_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX scopes_newest ON scopes (tenant_id, agent_id, active_at DESC, user_id DESC);

CREATE INDEX escalations_newest ON escalations (tenant_id, opened_at DESC, id DESC);
CREATE INDEX slack_installations_newest ON slack_installations (tenant_id, installed_at DESC, id DESC);

-- The operator lists tenants. Their keys that seal turns are no column of his.
CREATE INDEX tenants_newest ON tenants (created_at DESC, id DESC);
CREATE POLICY operator_reads_all ON tenants FOR SELECT TO konstruct_operator USING (true);

-- Down Migration
DROP POLICY operator_reads_all ON tenants;
DROP INDEX tenants_newest, slack_installations_newest, escalations_newest, scopes_newest;
ALTER TABLE scopes DROP COLUMN active_at;
DROP INDEX turns_in_trouble, turns_of_agent, turns_newest;
CREATE INDEX turns_age ON turns (tenant_id, received_at) WHERE state <> 'accepted';
REVOKE UPDATE (missing, figures) ON turns FROM konstruct_worker, konstruct_app;
ALTER TABLE turns DROP COLUMN missing, DROP COLUMN figures;
