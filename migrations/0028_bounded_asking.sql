-- Up Migration
-- Who has been told of a thread that a person is to take over: the thread itself, and Slack's ids of those who are
-- named for it. A telling that broke off goes on where it was left. The ids go as the thread is handed back.
ALTER TABLE escalations ADD COLUMN told text[] NOT NULL DEFAULT '{}' CHECK (cardinality(told) <= 100);
GRANT UPDATE (told) ON escalations TO konstruct_api, konstruct_worker, konstruct_app;

-- How often a link has led back from Slack: each time costs a call of Slack with the app's secret.
ALTER TABLE slack_install_links ADD COLUMN tries int NOT NULL DEFAULT 0;
GRANT UPDATE (tries) ON slack_install_links TO konstruct_api, konstruct_app;

-- Down Migration
REVOKE UPDATE (tries) ON slack_install_links FROM konstruct_api, konstruct_app;
ALTER TABLE slack_install_links DROP COLUMN tries;
REVOKE UPDATE (told) ON escalations FROM konstruct_api, konstruct_worker, konstruct_app;
ALTER TABLE escalations DROP COLUMN told;
