-- Up Migration
-- What intake accepts it seals with a key of the tenant, and a step of a turn takes nothing without its seal: the key
-- never leaves database and processes, so nobody who reaches Temporal alone can make one. Two random UUIDs have 244
-- random bits.
ALTER TABLE tenants ADD COLUMN seal_key bytea NOT NULL
  DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- Down Migration
ALTER TABLE tenants DROP COLUMN seal_key;
