/** What a run has left behind: in the ledger, the memories, the windows, Temporal and the API. */
import type { Client } from '@temporalio/client';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { createApiClient } from '../support/api-client.ts';
import type { Accepted } from './traffic.ts';

/** The state of the services after a run, read from them directly. */
export type Evidence = {
  turns: LedgerRow[];
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

/** Reads the state of all services after a run. */
export async function collectEvidence(sources: Sources, accepted: readonly Accepted[]): Promise<Evidence> {
  const { admin, redis, temporal } = sources;
  const turns = await admin.query<LedgerRow>(
    `SELECT tenant_id AS "tenantId", agent_id AS "agentId", user_id AS "userId", message_id AS "messageId",
            seq::int AS seq, dedupe_key AS "dedupeKey", state FROM turns ORDER BY seq`,
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
  return { turns: turns.rows, memories: memories.rows, windows, redisKeys, workflows, replies };
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

/** Whether all work is finished: no workflow is open, and every turn is done or failed. */
export async function isDrained({ admin, temporal }: Sources): Promise<boolean> {
  const { rows } = await admin.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM turns WHERE state NOT IN ('done', 'failed')`,
  );
  if (rows[0]?.open !== 0) return false;
  const { count } = await temporal.workflow.count("ExecutionStatus = 'Running'");
  return count === 0;
}
