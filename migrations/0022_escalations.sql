-- Up Migration
-- A person has taken over a thread: while a row of it has no end, the agent is silent there. Redis keeps a copy.
CREATE TABLE escalations (
  tenant_id uuid NOT NULL,
  id        uuid NOT NULL,
  thread_id text NOT NULL CHECK (length(thread_id) <= 255),
  -- The agent that is silent; NULL where nobody said which.
  agent_id  uuid,
  -- Who was spoken with, where that is known: it goes with what is forgotten of them.
  user_id   text,
  opened_at timestamptz NOT NULL DEFAULT now(),
  opened_by text NOT NULL CHECK (opened_by IN ('person', 'agent', 'api')),
  -- When those who are to take over were told.
  told_at   timestamptz,
  ended_at  timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);
CREATE UNIQUE INDEX escalations_open ON escalations (tenant_id, thread_id) WHERE ended_at IS NULL;
CREATE INDEX escalations_user ON escalations (tenant_id, agent_id, user_id);
ALTER TABLE escalations OWNER TO konstruct_owner;
ALTER TABLE escalations ENABLE ROW LEVEL SECURITY;
ALTER TABLE escalations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON escalations USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY not_removed ON escalations AS RESTRICTIVE FOR INSERT
  TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator
  WITH CHECK (NOT EXISTS (SELECT FROM tenant_removals r WHERE r.tenant_id = current_tenant()));
GRANT SELECT, INSERT, UPDATE (told_at, ended_at) ON escalations TO konstruct_api, konstruct_worker, konstruct_app;
ALTER TABLE escalations ALTER COLUMN thread_id SET STATISTICS 0, ALTER COLUMN user_id SET STATISTICS 0;

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

-- What is forgotten of a person takes both along.
GRANT SELECT, DELETE ON escalations, feedback TO konstruct_eraser;
CREATE FUNCTION forget_feedback() RETURNS trigger
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  BEGIN
    DELETE FROM feedback WHERE tenant_id = NEW.tenant_id AND message_id = NEW.message_id;
    RETURN NULL;
  END $$;
CREATE FUNCTION forget_escalations() RETURNS trigger
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  BEGIN
    -- One that still stands keeps the agent silent, and names nobody once it has ended.
    IF OLD.exchange_id IS NULL THEN
      DELETE FROM escalations
        WHERE tenant_id = OLD.tenant_id AND agent_id = OLD.agent_id AND user_id = OLD.user_id
          AND ended_at IS NOT NULL;
    END IF;
    RETURN NULL;
  END $$;
GRANT CREATE ON SCHEMA public TO konstruct_eraser;
DO $$
DECLARE
  helper text;
BEGIN
  FOREACH helper IN ARRAY ARRAY['forget_feedback()', 'forget_escalations()'] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO konstruct_eraser', helper);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', helper);
  END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM konstruct_eraser;
CREATE TRIGGER forget_feedback AFTER UPDATE OF state ON turns FOR EACH ROW
  WHEN (NEW.state = 'erased' AND OLD.state <> 'erased') EXECUTE FUNCTION forget_feedback();
CREATE TRIGGER forget_escalations AFTER UPDATE OF finished_at ON erasures FOR EACH ROW
  WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION forget_escalations();

-- Down Migration
DROP TRIGGER forget_escalations ON erasures;
DROP TRIGGER forget_feedback ON turns;
DROP FUNCTION forget_escalations();
DROP FUNCTION forget_feedback();
DROP TABLE feedback, escalations;
REVOKE SELECT (settings) ON agents FROM konstruct_worker;
