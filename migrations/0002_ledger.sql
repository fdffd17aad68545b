-- Up Migration
-- The ledger: which messages were accepted, in which order, and how they ended. It holds no text.

-- One row per scope (tenant, agent, user). Its row lock serialises the numbering within the scope
-- and nothing else; it is released with the transaction, so a crash leaves no lock behind.
CREATE TABLE scopes (
  tenant_id uuid NOT NULL,
  agent_id  uuid NOT NULL,
  user_id   text NOT NULL,
  last_seq  bigint NOT NULL,
  PRIMARY KEY (tenant_id, agent_id, user_id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);
ALTER TABLE scopes OWNER TO konstruct_owner;
ALTER TABLE scopes ENABLE ROW LEVEL SECURITY;
ALTER TABLE scopes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON scopes USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT, UPDATE ON scopes TO konstruct_app;

-- accepted: entered; Temporal knows what runs. refused: Temporal didn't take it and the sender was told
-- to try again. done, failed: written by the worker, and still there when Temporal's retention has passed.
CREATE TABLE turns (
  tenant_id   uuid NOT NULL,
  message_id  uuid NOT NULL,
  agent_id    uuid NOT NULL,
  user_id     text NOT NULL,
  seq         bigint NOT NULL,
  dedupe_key  text NOT NULL,
  body_hash   bytea NOT NULL,
  workflow_id text NOT NULL,
  state       text NOT NULL DEFAULT 'accepted' CHECK (state IN ('accepted', 'refused', 'done', 'failed')),
  received_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, message_id),
  UNIQUE (tenant_id, dedupe_key),
  UNIQUE (tenant_id, agent_id, user_id, seq)
);
-- "Which turns before mine are still open?" is asked for every message of a burst.
CREATE INDEX turns_open ON turns (tenant_id, agent_id, user_id, seq DESC) WHERE state = 'accepted';
ALTER TABLE turns OWNER TO konstruct_owner;
ALTER TABLE turns ENABLE ROW LEVEL SECURITY;
ALTER TABLE turns FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON turns USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT ON turns TO konstruct_app;
GRANT UPDATE (state, finished_at) ON turns TO konstruct_app;

-- Down Migration
DROP TABLE turns, scopes;
