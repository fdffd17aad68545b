/** What a run has left behind: in the ledger, the memories, the windows, Temporal and the API. */
import type { Client } from '@temporalio/client';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { createApiClient } from '../support/api-client.ts';
import type { Accepted } from './traffic.ts';

/** The state of the services after a run, read from them directly. */
export type Evidence = {
  turns: LedgerRow[];
  erasures: ErasureRow[];
  memories: MemoryRow[];
  /** Entries by key, and the names of all keys. */
  windows: Map<string, WindowEntry[]>;
  redisKeys: string[];
  workflows: Array<{ workflowId: string; type: string; status: string }>;
  /** Two answers of `GET /v1/messages/{id}` by message id. */
  replies: Map<string, [Lookup, Lookup]>;
};

export type LedgerRow = {
  tenantId: string;
  agentId: string;
  userId: string;
  messageId: string;
  seq: number;
  dedupeKey: string;
  state: string;
};
export type ErasureRow = {
  tenantId: string;
  id: string;
  seq: number;
  isFinished: boolean;
  /** Empty once it has ended. */
  userId: string;
  /** How often the audit log says that it has ended. */
  ends: number;
};
export type MemoryRow = {
  tenantId: string;
  agentId: string;
  userId: string;
  exchangeId: string;
  role: string;
  content: string;
};
export type WindowEntry = { role: string; content: string };
export type Lookup = { status: number; state?: string; text?: string; missing?: string[] };

export type Sources = { admin: pg.Pool; redis: Redis; temporal: Client; baseUrl: string };

/** Keeps each turn's number for `collectEvidence`: the ledger drops it once a turn is forgotten. */
export async function keepNumbers(admin: pg.Pool): Promise<void> {
  await admin.query(`
    CREATE TABLE chaos_numbers (tenant_id uuid, message_id uuid, seq int, PRIMARY KEY (tenant_id, message_id));
    CREATE FUNCTION keep_number() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
      BEGIN
        INSERT INTO chaos_numbers VALUES (NEW.tenant_id, NEW.message_id, NEW.seq);
        RETURN NULL;
      END $$;
    CREATE TRIGGER keep_number AFTER INSERT ON turns FOR EACH ROW EXECUTE FUNCTION keep_number();
  `);
}

/** Reads the state of all services after a run. */
export async function collectEvidence(sources: Sources, accepted: readonly Accepted[]): Promise<Evidence> {
  const { admin, redis, temporal } = sources;
  const turns = await admin.query<LedgerRow>(
    `SELECT tenant_id AS "tenantId", agent_id AS "agentId", user_id AS "userId", message_id AS "messageId",
            numbers.seq, dedupe_key AS "dedupeKey", state
     FROM turns JOIN chaos_numbers AS numbers USING (tenant_id, message_id)
     WHERE kind = 'message' ORDER BY numbers.seq`,
  );
  const erasures = await admin.query<ErasureRow>(
    `SELECT e.tenant_id AS "tenantId", id, numbers.seq, finished_at IS NOT NULL AS "isFinished",
            user_id AS "userId", (SELECT count(*)::int FROM audit_entries
             WHERE action = 'erasure.finish' AND target_id = e.id::text) AS ends
     FROM erasures e JOIN chaos_numbers AS numbers ON numbers.tenant_id = e.tenant_id AND message_id = id`,
  );
  const memories = await admin.query<MemoryRow>(
    `SELECT tenant_id AS "tenantId", agent_id AS "agentId", user_id AS "userId",
            exchange_id AS "exchangeId", role, content FROM conversation_embeddings`,
  );
  const redisKeys = await redis.keys('*');
  const windows = new Map<string, WindowEntry[]>();
  for (const key of redisKeys.filter((key) => key.includes(':memory:short:'))) {
    const entries = await redis.lrange(key, 0, -1);
    windows.set(
      key,
      entries.map((entry) => JSON.parse(entry) as WindowEntry),
    );
  }
  // Temporal's visibility is up to a second behind.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  const workflows: Evidence['workflows'] = [];
  for await (const { workflowId, type, status } of temporal.workflow.list())
    workflows.push({ workflowId, type, status: status.name });
  const replies: Evidence['replies'] = new Map();
  for (const one of accepted)
    replies.set(one.messageId, [await lookUp(sources, one), await lookUp(sources, one)]);
  return {
    turns: turns.rows,
    erasures: erasures.rows,
    memories: memories.rows,
    windows,
    redisKeys,
    workflows,
    replies,
  };
}

async function lookUp({ baseUrl }: Sources, { messageId, scope }: Accepted): Promise<Lookup> {
  const { status, body: said } = await createApiClient({ baseUrl, ...scope }).request(
    'GET',
    `/v1/messages/${messageId}`,
  );
  const body = said as { state?: string; reply?: { text: string }; missing?: string[] };
  return {
    status,
    ...(body.state !== undefined && { state: body.state }),
    ...(body.reply && { text: body.reply.text }),
    ...(body.missing && { missing: body.missing }),
  };
}

/** Whether all is finished: no workflow is open, every turn has its end, and every erasure its receipt. */
export async function isDrained({ admin, temporal }: Pick<Sources, 'admin' | 'temporal'>): Promise<boolean> {
  const { rows } = await admin.query<{ open: number }>(
    `SELECT (SELECT count(*) FROM turns WHERE state NOT IN ('done', 'failed', 'erased'))::int
          + (SELECT count(*) FROM erasures WHERE finished_at IS NULL)::int AS open`,
  );
  if (rows[0]?.open !== 0) return false;
  const { count } = await temporal.workflow.count("ExecutionStatus = 'Running'");
  return count === 0;
}
