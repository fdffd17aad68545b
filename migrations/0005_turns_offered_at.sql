-- Up Migration
-- When a message was last offered to Temporal. An API that gives up after two seconds doesn't know whether its start
-- arrives after all: for a while a refused turn may be running, and followers ask Temporal about it too.
ALTER TABLE turns ADD COLUMN offered_at timestamptz NOT NULL DEFAULT now();
GRANT UPDATE (offered_at) ON turns TO konstruct_app;
DROP INDEX turns_open;
CREATE INDEX turns_open ON turns (tenant_id, agent_id, user_id, seq DESC) WHERE state IN ('accepted', 'refused');

-- Down Migration
DROP INDEX turns_open;
CREATE INDEX turns_open ON turns (tenant_id, agent_id, user_id, seq DESC) WHERE state = 'accepted';
ALTER TABLE turns DROP COLUMN offered_at;
