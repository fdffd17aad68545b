-- Up Migration
-- What recall by exchange needs beside conversation_embeddings: for each exchange a vector, its terms and
-- where its text stands. One row an exchange; one row a passage when a message is longer than the model reads.
--
-- No text in here, and neither column may leave its row: every recall scans the whole scope, and a row that
-- goes to TOAST made that seven times slower. halfvec halves what is read (same recall); the terms are a
-- sparse vector of hashed pieces of words, so that one inner product with a query's mask counts which match
-- (full-text operators aren't leakproof, so under row-level security no index would serve them anyway).

CREATE TABLE exchange_passages (
  tenant_id    uuid NOT NULL,
  agent_id     uuid NOT NULL,
  user_id      text NOT NULL,
  exchange_id  uuid NOT NULL,
  part         smallint NOT NULL CHECK (part >= 0),
  -- 1: the user only asks. 2: the answer is none ("I don't know"). See src/domain/recall/questions.ts.
  flags        smallint NOT NULL,
  created_at   timestamptz NOT NULL,
  -- The two messages (conversation_embeddings.id), and which characters [from, to) of each are in this
  -- passage, as JavaScript counts them. A message that isn't in it is NULL and empty.
  user_memory  uuid,
  user_from    integer NOT NULL,
  user_to      integer NOT NULL CHECK (user_to >= user_from),
  reply_memory uuid,
  reply_from   integer NOT NULL,
  reply_to     integer NOT NULL CHECK (reply_to >= reply_from),
  embedding    halfvec(384) NOT NULL,
  terms        sparsevec(1000000000) NOT NULL,
  PRIMARY KEY (tenant_id, exchange_id, part)
) PARTITION BY HASH (tenant_id);

ALTER TABLE exchange_passages ALTER COLUMN embedding SET STORAGE PLAIN;
ALTER TABLE exchange_passages ALTER COLUMN terms SET STORAGE PLAIN;

DO $$
BEGIN
  FOR i IN 0..15 LOOP
    EXECUTE format(
      'CREATE TABLE exchange_passages_%s PARTITION OF exchange_passages FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
      lpad(i::text, 2, '0'), i);
    EXECUTE format('ALTER TABLE exchange_passages_%s OWNER TO konstruct_owner', lpad(i::text, 2, '0'));
    EXECUTE format('ALTER TABLE exchange_passages_%s ENABLE ROW LEVEL SECURITY', lpad(i::text, 2, '0'));
    EXECUTE format('ALTER TABLE exchange_passages_%s FORCE ROW LEVEL SECURITY', lpad(i::text, 2, '0'));
  END LOOP;
END $$;

CREATE INDEX exchange_passages_scope ON exchange_passages (tenant_id, agent_id, user_id, created_at DESC);

ALTER TABLE exchange_passages OWNER TO konstruct_owner;
ALTER TABLE exchange_passages ENABLE ROW LEVEL SECURITY;
ALTER TABLE exchange_passages FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON exchange_passages
  USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT ON exchange_passages TO konstruct_app;

-- Down Migration
DROP TABLE exchange_passages;
