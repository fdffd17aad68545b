-- The peer's long-term memory: one table, one HNSW index, tenants kept apart by row-level security.
CREATE EXTENSION IF NOT EXISTS vector;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'peer_app') THEN
    CREATE ROLE peer_app LOGIN PASSWORD 'peer';
  END IF;
END $$;

CREATE TABLE conversation_embeddings (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id  uuid NOT NULL,
  agent_id   uuid NOT NULL,
  user_id    text NOT NULL,
  content    text NOT NULL,
  role       text NOT NULL,
  embedding  vector(384) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON conversation_embeddings USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64);
CREATE INDEX ON conversation_embeddings (tenant_id, agent_id, user_id, created_at DESC);

ALTER TABLE conversation_embeddings ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_embeddings FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON conversation_embeddings
  USING (tenant_id = current_setting('app.current_tenant')::uuid);
GRANT SELECT, INSERT ON conversation_embeddings TO peer_app;
