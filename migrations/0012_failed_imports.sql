-- Up Migration
-- An import that can't be stored ends: tries that stored nothing are counted, and after enough of them it has failed.
ALTER TABLE memory_imports
  ADD COLUMN tries integer NOT NULL DEFAULT 0,
  ADD COLUMN failed boolean NOT NULL DEFAULT false;
GRANT UPDATE (tries, failed) ON memory_imports TO konstruct_worker, konstruct_app;

-- A tenant's imports under way are counted, of whatever age.
CREATE INDEX memory_imports_unfinished ON memory_imports (tenant_id) WHERE finished_at IS NULL;

-- Down Migration
DROP INDEX memory_imports_unfinished;
ALTER TABLE memory_imports DROP COLUMN tries, DROP COLUMN failed;
