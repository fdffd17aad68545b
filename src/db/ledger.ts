import { createHash } from 'node:crypto';
import type pg from 'pg';
import { v4 as randomUuid, v5 as namedUuid } from 'uuid';
import type { Agent } from '../domain/agent.ts';
import type { Scope } from '../domain/conversation.ts';
import { handleMessageWorkflowId } from '../domain/ids.ts';
import { findAgentWith } from './agents.ts';
import { inTenant } from './tenant-transaction.ts';

export type TurnState = 'accepted' | 'refused' | 'done' | 'failed';

/** A row of the ledger. */
export type LedgerTurn = {
  messageId: string;
  agentId: string;
  userId: string;
  seq: number;
  workflowId: string;
  state: TurnState;
  receivedAt: Date;
};

/** The result of `enterTurn`. */
export type Entered =
  | { outcome: 'unknown-agent' }
  | { outcome: 'key-reused' }
  | { outcome: 'new' | 'repeated'; turn: LedgerTurn; agent: Agent; ahead: TurnsAhead };

/** A scope's earlier turns that may still be running: their number, and the newest sequence number. */
export type TurnsAhead = { count: number; newestSeq: number };

type NewTurn = Scope & {
  /** Unique within the tenant. Undefined when a repeated delivery of the message can't be recognised. */
  dedupeKey: string | undefined;
  text: string;
  threadId: string | undefined;
  /**
   * Compared to tell a repeated delivery from another message with the same
   * key; the text when absent. A channel with unique message ids sets it to
   * the id, since the text that it makes can differ between deliveries.
   */
  fingerprint?: string;
};

/**
 * Enters a message in the ledger with the next sequence number of its scope, without gaps, or finds its
 * existing entry, in one transaction. A dedupe key that is used again with the same body is the same turn,
 * with no time limit. With another body the outcome is `key-reused`, and nothing is written.
 */
export async function enterTurn(pool: pg.Pool, message: NewTurn): Promise<Entered> {
  const dedupeKey = message.dedupeKey ?? `once:${randomUuid()}`;
  const bodyHash = hashBody(message);
  return inTenant(pool, message.tenantId, async (client) => {
    const agent = await findAgentWith(client, message.tenantId, message.agentId);
    if (!agent) return { outcome: 'unknown-agent' };
    // Locks the scope's row, so that no other transaction takes the same sequence number.
    const { rows: scopes } = await client.query<{ last_seq: string }>({
      name: 'lock-scope',
      text: `INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq) VALUES ($1, $2, $3, 0)
             ON CONFLICT (tenant_id, agent_id, user_id) DO UPDATE SET last_seq = scopes.last_seq
             RETURNING last_seq`,
      values: [message.tenantId, message.agentId, message.userId],
    });
    const seq = Number(scopes[0]?.last_seq ?? 0) + 1;
    const messageId = namedUuid(dedupeKey, message.tenantId);
    const { rows } = await client.query<TurnRow & AheadRow>({
      name: 'enter-turn',
      text: ENTER_TURN,
      values: [
        message.tenantId,
        messageId,
        message.agentId,
        message.userId,
        seq,
        dedupeKey,
        bodyHash,
        handleMessageWorkflowId(message.tenantId, messageId),
      ],
    });
    if (rows[0]) {
      return { outcome: 'new', turn: toTurn(rows[0]), agent, ahead: toAhead(rows[0]) };
    }
    const found = await findByKey(client, message.tenantId, dedupeKey);
    if (!found?.body_hash.equals(bodyHash)) return { outcome: 'key-reused' };
    return { outcome: 'repeated', turn: toTurn(found), agent, ahead: toAhead(found) };
  });
}

type TurnRow = {
  message_id: string;
  agent_id: string;
  user_id: string;
  seq: string;
  workflow_id: string;
  state: TurnState;
  received_at: Date;
};

type AheadRow = { ahead: number; ahead_newest: string | null };

const TURN_COLUMNS = 'message_id, agent_id, user_id, seq, workflow_id, state, received_at';

/**
 * Turns that Temporal may be running. A `refused` turn counts for ten minutes: the API gave up on its start,
 * but the start can still arrive and run. After that time no later turn would wait for it anyway.
 */
const IS_OPEN = `state IN ('accepted', 'refused')
  AND (state = 'accepted' OR offered_at > clock_timestamp() - interval '10 minutes')`;

/** To be joined to a turn `t`; gives the columns `ahead` and `ahead_newest`. */
const TURNS_AHEAD = `LATERAL (SELECT count(*)::int AS ahead, max(o.seq) AS ahead_newest FROM turns o
  WHERE o.tenant_id = t.tenant_id AND o.agent_id = t.agent_id AND o.user_id = t.user_id
    AND ${IS_OPEN} AND o.seq < t.seq) AS before`;

// The scope's number only advances when the row is new, so a repeated delivery leaves no gap.
const ENTER_TURN = `
  WITH t AS (
    INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (tenant_id, dedupe_key) DO NOTHING
    RETURNING tenant_id, ${TURN_COLUMNS}
  ), spent AS (
    UPDATE scopes s SET last_seq = t.seq FROM t
    WHERE s.tenant_id = t.tenant_id AND s.agent_id = t.agent_id AND s.user_id = t.user_id
  )
  SELECT ${TURN_COLUMNS}, ahead, ahead_newest FROM t, ${TURNS_AHEAD}`;

async function findByKey(client: pg.PoolClient, tenantId: string, dedupeKey: string) {
  const { rows } = await client.query<TurnRow & AheadRow & { body_hash: Buffer }>(
    `SELECT ${TURN_COLUMNS}, body_hash, ahead, ahead_newest FROM turns t, ${TURNS_AHEAD}
     WHERE tenant_id = $1 AND dedupe_key = $2`,
    [tenantId, dedupeKey],
  );
  return rows[0];
}

/** Whether the ledger has a message with this dedupe key. */
export async function isEntered(
  pool: pg.Pool,
  { tenantId, dedupeKey }: { tenantId: string; dedupeKey: string | undefined },
): Promise<boolean> {
  if (dedupeKey === undefined) return false;
  return (await inTenant(pool, tenantId, (client) => findByKey(client, tenantId, dedupeKey))) !== undefined;
}

/** One turn by its message id; undefined when the tenant has none. */
export async function findTurn(
  pool: pg.Pool,
  tenantId: string,
  messageId: string,
): Promise<LedgerTurn | undefined> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<TurnRow>(`SELECT ${TURN_COLUMNS} FROM turns WHERE tenant_id = $1 AND message_id = $2`, [
      tenantId,
      messageId,
    ]),
  );
  return rows[0] && toTurn(rows[0]);
}

/**
 * The turns before a message in its scope that may still be running, newest first. `offeredMs` is the time
 * since the turn's start was last sent to Temporal; `waitedMs` is the time since the message itself was
 * received. Both are by the database's clock.
 */
export async function findOpenTurnsBefore(
  pool: pg.Pool,
  message: Scope & { seq: number; receivedAt: string },
  limit: number,
): Promise<Array<{ workflowId: string; offeredMs: number; waitedMs: number }>> {
  const { rows } = await inTenant(pool, message.tenantId, (client) =>
    client.query<{ workflowId: string; offeredMs: number; waitedMs: number }>({
      name: 'open-turns-before',
      text: `SELECT workflow_id AS "workflowId",
                    (extract(epoch FROM clock_timestamp() - offered_at) * 1000)::float8 AS "offeredMs",
                    (extract(epoch FROM clock_timestamp() - $6::timestamptz) * 1000)::float8 AS "waitedMs"
             FROM turns
             WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND seq < $4 AND ${IS_OPEN}
             ORDER BY seq DESC LIMIT $5`,
      values: [message.tenantId, message.agentId, message.userId, message.seq, limit, message.receivedAt],
    }),
  );
  return rows;
}

/** The message ids of a scope's last done turns before a message, newest first. */
export async function findDoneTurnsBefore(
  pool: pg.Pool,
  { tenantId, agentId, userId, seq }: Scope & { seq: number },
  limit: number,
): Promise<string[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ messageId: string }>(
      `SELECT message_id AS "messageId" FROM turns
       WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND seq < $4 AND state = 'done'
       ORDER BY seq DESC LIMIT $5`,
      [tenantId, agentId, userId, seq, limit],
    ),
  );
  return rows.map(({ messageId }) => messageId);
}

/**
 * Records that a turn's start is being sent to Temporal again (`accepted`), or that Temporal did not answer
 * in time (`refused`). Later turns stop waiting for a refused turn once its start can no longer arrive. A
 * turn that has ended meanwhile stays unchanged.
 */
export async function markStart(
  pool: pg.Pool,
  tenantId: string,
  messageId: string,
  state: 'accepted' | 'refused',
): Promise<void> {
  await inTenant(pool, tenantId, (client) =>
    client.query(
      `UPDATE turns SET state = $3, offered_at = CASE $3 WHEN 'accepted' THEN clock_timestamp() ELSE offered_at END
       WHERE tenant_id = $1 AND message_id = $2 AND state IN ('accepted', 'refused')`,
      [tenantId, messageId, state],
    ),
  );
}

/** Reopens a failed turn. A turn that has succeeded meanwhile stays unchanged. */
export async function reopenTurn(pool: pg.Pool, tenantId: string, messageId: string): Promise<void> {
  await inTenant(pool, tenantId, (client) =>
    client.query(
      `UPDATE turns SET state = 'accepted', finished_at = NULL
       WHERE tenant_id = $1 AND message_id = $2 AND state = 'failed'`,
      [tenantId, messageId],
    ),
  );
}

/** Records a turn's end within the caller's transaction. Safe to repeat; the last call wins. */
export async function finishTurn(
  client: pg.PoolClient,
  tenantId: string,
  messageId: string,
  state: 'done' | 'failed',
): Promise<void> {
  await client.query({
    name: 'finish-turn',
    text: 'UPDATE turns SET state = $3, finished_at = now() WHERE tenant_id = $1 AND message_id = $2',
    values: [tenantId, messageId, state],
  });
}

function toTurn(row: TurnRow): LedgerTurn {
  return {
    messageId: row.message_id,
    agentId: row.agent_id,
    userId: row.user_id,
    seq: Number(row.seq),
    workflowId: row.workflow_id,
    state: row.state,
    receivedAt: row.received_at,
  };
}

function toAhead({ ahead, ahead_newest }: AheadRow): TurnsAhead {
  return { count: ahead, newestSeq: Number(ahead_newest ?? 0) };
}

/**
 * SHA-256 of the fields that identify a message. JSON
 * separates them, so no two messages can concatenate alike.
 */
function hashBody({ agentId, userId, text, threadId, fingerprint }: NewTurn): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([agentId, userId, fingerprint ?? text, threadId ?? null]))
    .digest();
}
