-- Up Migration
-- What of ours stands in Slack: one row for each message that was posted for a turn, or may have been. It is written
-- before Slack is called and again when Slack has said where the message stands, so a later attempt knows without
-- asking Slack. It holds no text. A row goes with its turn, and at once when the turn is forgotten: the conversation
-- of one person with the agent tells who that person is.
CREATE TABLE slack_posts (
  tenant_id  uuid NOT NULL,
  message_id uuid NOT NULL,
  -- Which part of the reply, and which piece of that; the placeholder is part 0.
  part       smallint NOT NULL,
  piece      smallint NOT NULL,
  -- Posted again, where the message before could not be changed: counts from 0.
  nth        smallint NOT NULL,
  pieces     smallint NOT NULL,
  -- Whether it was posted to show that the agent is at work.
  waiting    boolean NOT NULL,
  -- trying: Slack is being called, or somebody died over it. gone: it was deleted, or never came to be.
  state      text NOT NULL DEFAULT 'trying' CHECK (state IN ('trying', 'posted', 'gone')),
  channel    text NOT NULL,
  ts         text,
  tried_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, message_id, part, piece, nth),
  FOREIGN KEY (tenant_id, message_id) REFERENCES turns (tenant_id, message_id) ON DELETE CASCADE,
  CHECK ((state = 'posted') <= (ts IS NOT NULL))
);
ALTER TABLE slack_posts OWNER TO konstruct_owner;
ALTER TABLE slack_posts ENABLE ROW LEVEL SECURITY;
ALTER TABLE slack_posts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON slack_posts USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY not_removed ON slack_posts AS RESTRICTIVE FOR INSERT
  TO konstruct_app, konstruct_api, konstruct_worker, konstruct_operator
  WITH CHECK (NOT EXISTS (SELECT FROM tenant_removals r WHERE r.tenant_id = current_tenant()));
GRANT SELECT, INSERT ON slack_posts TO konstruct_worker, konstruct_app;
GRANT UPDATE (state, ts) ON slack_posts TO konstruct_worker, konstruct_app;
ALTER TABLE slack_posts ALTER COLUMN channel SET STATISTICS 0, ALTER COLUMN ts SET STATISTICS 0;

-- Whoever forgets a turn, by whichever door, forgets where it was answered.
GRANT SELECT, DELETE ON slack_posts TO konstruct_eraser;
CREATE FUNCTION forget_slack_posts() RETURNS trigger
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
  AS $$
  BEGIN
    DELETE FROM slack_posts WHERE tenant_id = NEW.tenant_id AND message_id = NEW.message_id;
    RETURN NULL;
  END $$;
GRANT CREATE ON SCHEMA public TO konstruct_eraser;
ALTER FUNCTION forget_slack_posts() OWNER TO konstruct_eraser;
REVOKE CREATE ON SCHEMA public FROM konstruct_eraser;
REVOKE ALL ON FUNCTION forget_slack_posts() FROM PUBLIC;
CREATE TRIGGER forget_slack_posts AFTER UPDATE OF state ON turns FOR EACH ROW
  WHEN (NEW.state = 'erased' AND OLD.state <> 'erased') EXECUTE FUNCTION forget_slack_posts();

-- Down Migration
DROP TRIGGER forget_slack_posts ON turns;
DROP FUNCTION forget_slack_posts();
DROP TABLE slack_posts;
