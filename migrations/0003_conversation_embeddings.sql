-- Up Migration
-- Long-term memory: one row per message. The service may add and read rows, never change or remove them.

CREATE TABLE conversation_embeddings (
  id          uuid NOT NULL DEFAULT gen_random_uuid(),
  tenant_id   uuid NOT NULL,
  agent_id    uuid NOT NULL,
  user_id     text NOT NULL,
  content     text NOT NULL,
  role        text NOT NULL CHECK (role IN ('user', 'assistant')),
  embedding   vector(384) NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  -- The exchange: a user's message and its answer share it. It is the ledger's message id.
  exchange_id uuid NOT NULL DEFAULT gen_random_uuid(),
  PRIMARY KEY (tenant_id, id)
) PARTITION BY HASH (tenant_id);

-- A vector moved out of line (TOAST) made exact scans twice as slow; 1,544 bytes always fit the page.
ALTER TABLE conversation_embeddings ALTER COLUMN embedding SET STORAGE PLAIN;

-- Partitioned from the start: HNSW graphs stay small, and a scope's neighbours in the graph are mostly
-- of its own tenant. The number can't be changed later without a rewrite; 16 measured well at 500,000 rows.
DO $$
BEGIN
  FOR i IN 0..15 LOOP
    EXECUTE format(
      'CREATE TABLE conversation_embeddings_%s PARTITION OF conversation_embeddings FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
      lpad(i::text, 2, '0'), i);
    EXECUTE format('ALTER TABLE conversation_embeddings_%s OWNER TO konstruct_owner', lpad(i::text, 2, '0'));
    -- A partition named directly must refuse as its parent does.
    EXECUTE format('ALTER TABLE conversation_embeddings_%s ENABLE ROW LEVEL SECURITY', lpad(i::text, 2, '0'));
    EXECUTE format('ALTER TABLE conversation_embeddings_%s FORCE ROW LEVEL SECURITY', lpad(i::text, 2, '0'));
  END LOOP;
END $$;

CREATE INDEX conversation_embeddings_hnsw ON conversation_embeddings
  USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64);
CREATE INDEX conversation_embeddings_scope ON conversation_embeddings (tenant_id, agent_id, user_id, created_at DESC);

ALTER TABLE conversation_embeddings OWNER TO konstruct_owner;
ALTER TABLE conversation_embeddings ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_embeddings FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON conversation_embeddings
  USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT ON conversation_embeddings TO konstruct_app;

-- Down Migration
DROP TABLE conversation_embeddings;
