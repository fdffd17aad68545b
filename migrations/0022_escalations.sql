-- Up Migration
-- A person has taken over a thread: while there is a row of it, the agent is silent there. Redis keeps a copy. Who has
-- asked for it and when it ended stands in the audit log.
CREATE TABLE escalations (
  tenant_id uuid NOT NULL,
  id        uuid NOT NULL,
  thread_id text NOT NULL CHECK (length(thread_id) <= 255),
  -- The agent that is silent; NULL where nobody said which.
  agent_id  uuid,
  opened_at timestamptz NOT NULL DEFAULT now(),
  opened_by text NOT NULL CHECK (opened_by IN ('person', 'agent', 'api')),
  -- When those who are to take over were told.
  told_at   timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);
CREATE UNIQUE INDEX escalations_thread ON escalations (tenant_id, thread_id);
ALTER TABLE escalations OWNER TO konstruct_owner;
ALTER TABLE escalations ENABLE ROW LEVEL SECURITY;
ALTER TABLE escalations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON escalations USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY not_removed ON escalations AS RESTRICTIVE FOR INSERT
  TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator
  WITH CHECK (NOT EXISTS (SELECT FROM tenant_removals r WHERE r.tenant_id = current_tenant()));
GRANT SELECT, INSERT, UPDATE (told_at) ON escalations TO konstruct_api, konstruct_worker, konstruct_app;
-- It ends by the API alone: a worker only hands over.
GRANT DELETE ON escalations TO konstruct_api, konstruct_app;
ALTER TABLE escalations ALTER COLUMN thread_id SET STATISTICS 0;

-- What people think of a reply. The last word counts.
CREATE TABLE feedback (
  tenant_id  uuid NOT NULL,
  message_id uuid NOT NULL,
  -- Who said so: the one who asked, or somebody else in the conversation.
  is_asker   boolean NOT NULL,
  -- A keyed hash of who it is, so that each has one word.
  giver      text NOT NULL CHECK (length(giver) <= 100),
  is_good    boolean NOT NULL,
  id         uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, message_id, giver),
  FOREIGN KEY (tenant_id, message_id) REFERENCES turns (tenant_id, message_id) ON DELETE CASCADE
);
CREATE INDEX feedback_newest ON feedback (tenant_id, created_at DESC, id DESC);
ALTER TABLE feedback OWNER TO konstruct_owner;
ALTER TABLE feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON feedback USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY not_removed ON feedback AS RESTRICTIVE FOR INSERT
  TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator
  WITH CHECK (NOT EXISTS (SELECT FROM tenant_removals r WHERE r.tenant_id = current_tenant()));
GRANT SELECT, INSERT, UPDATE (is_good, created_at) ON feedback TO konstruct_api, konstruct_app;

-- Whether a reply has a button for a person.
GRANT SELECT (settings) ON agents TO konstruct_worker;

-- It goes with what is forgotten of the turn.
GRANT SELECT, DELETE ON feedback TO konstruct_eraser;
CREATE FUNCTION forget_feedback() RETURNS trigger
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  BEGIN
    DELETE FROM feedback WHERE tenant_id = NEW.tenant_id AND message_id = NEW.message_id;
    RETURN NULL;
  END $$;
GRANT CREATE ON SCHEMA public TO konstruct_eraser;
ALTER FUNCTION forget_feedback() OWNER TO konstruct_eraser;
REVOKE CREATE ON SCHEMA public FROM konstruct_eraser;
REVOKE ALL ON FUNCTION forget_feedback() FROM PUBLIC;
CREATE TRIGGER forget_feedback AFTER UPDATE OF state ON turns FOR EACH ROW
  WHEN (NEW.state = 'erased' AND OLD.state <> 'erased') EXECUTE FUNCTION forget_feedback();

-- Down Migration
DROP TRIGGER forget_feedback ON turns;
DROP FUNCTION forget_feedback();
DROP TABLE feedback, escalations;
REVOKE SELECT (settings) ON agents FROM konstruct_worker;
