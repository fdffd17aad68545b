-- Up Migration
-- What was refused is rare, and so is what is under way: without these, a large ledger would be read for a
-- page of it.
CREATE INDEX turns_refused ON turns (tenant_id, received_at DESC, message_id DESC)
  WHERE kind = 'message' AND state = 'refused';
CREATE INDEX turns_under_way ON turns (tenant_id, received_at DESC, message_id DESC)
  WHERE kind = 'message' AND state = 'accepted';

-- Down Migration
DROP INDEX turns_under_way, turns_refused;
