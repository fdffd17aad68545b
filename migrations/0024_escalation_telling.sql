-- Up Migration
-- Since when somebody tells those who are to take over. Who dies over it leaves it to the next, some minutes later.
ALTER TABLE escalations ADD COLUMN telling_at timestamptz;
GRANT UPDATE (telling_at) ON escalations TO konstruct_api, konstruct_worker, konstruct_app;

-- Down Migration
ALTER TABLE escalations DROP COLUMN telling_at;
