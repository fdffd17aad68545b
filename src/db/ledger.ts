import { createHash } from 'node:crypto';
import type pg from 'pg';
import { v4 as randomUuid, v5 as namedUuid } from 'uuid';
import type { Agent } from '../domain/agent.ts';
import type { Scope } from '../domain/conversation.ts';
import { LATE_TURNS_KEPT_OUT_DAYS } from '../domain/erasure.ts';
import { handleMessageWorkflowId } from '../domain/ids.ts';
import type { TurnFigures } from '../domain/turn-figures.ts';
import { findAgentWith } from './agents.ts';
import { askLedger, type Heard } from './ask-ledger.ts';
import { lockScope } from './scopes.ts';
import { inTenant } from './tenant-transaction.ts';

/** `erased`: nothing of the turn is kept or comes back, and its row names nobody. */
export type TurnState = 'accepted' | 'refused' | 'done' | 'failed' | 'erased';

/** Whether a turn in this state has its end, and is not started again by a repeated delivery. */
export const hasEnded = (state: TurnState): boolean =>
  state === 'done' || state === 'failed' || state === 'erased';

/** A row of the ledger. */
export type LedgerTurn = {
  messageId: string;
  agentId: string;
  userId: string;
  /** The key that it was sent with, the first one before rotations; null for a channel's message. */
  apiKeyId: string | null;
  seq: number;
  workflowId: string;
  state: TurnState;
  receivedAt: Date;
  /** Since its start was last sent to Temporal, by the database's clock. */
  offeredMs: number;
};

/** What became of a message in `enterTurn`. */
type Outcome =
  | { outcome: 'unknown-agent' }
  | { outcome: 'key-reused' }
  | { outcome: 'new' | 'repeated'; turn: LedgerTurn; agent: Agent; ahead: TurnsAhead };

/**
 * The result of `enterTurn`. `tookMs` is what the database took once nothing was waited for that the tenant
 * keeps taken itself, its connections and its scope: what is left is the same for everybody.
 */
export type Entered = Outcome & { tookMs: number };

/**
 * A scope's earlier turns that may still be running: their number, and the newest sequence number. It is null
 * while an erasure is among them: then no later turn speaks for all of them.
 */
export type TurnsAhead = { count: number; newestSeq: number | null };

type NewTurn = Scope & {
  /** Unique within the tenant. Undefined when a repeated delivery of the message can't be recognised. */
  dedupeKey: string | undefined;
  text: string;
  threadId: string | undefined;
  apiKeyId?: string;
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
 * with no time limit. With another body the outcome is `key-reused`, and nothing is written. Of a turn that
 * was erased only the id is left, which is derived from the key: with any body it is the same turn.
 */
export async function enterTurn(pool: pg.Pool, message: NewTurn): Promise<Entered> {
  const dedupeKey = message.dedupeKey ?? `once:${randomUuid()}`;
  const bodyHash = hashBody(message);
  let lockedAt = 0;
  const entered = await inTenant<Outcome>(pool, message.tenantId, async (client) => {
    const agent = await findAgentWith(client, message.tenantId, message.agentId);
    if (!agent) return { outcome: 'unknown-agent' };
    // No other transaction takes the same sequence number.
    const seq = (await lockScope(client, message, { name: 'lock-scope' })) + 1;
    lockedAt = performance.now();
    const messageId = messageIdOf(message.tenantId, dedupeKey);
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
        message.apiKeyId ?? null,
      ],
    });
    if (rows[0]) {
      return { outcome: 'new', turn: toTurn(rows[0]), agent, ahead: toAhead(rows[0]) };
    }
    const found = await findByKey(client, message.tenantId, dedupeKey);
    if (!found) return { outcome: 'key-reused' };
    if (found.state !== 'erased' && !found.body_hash.equals(bodyHash)) return { outcome: 'key-reused' };
    return { outcome: 'repeated', turn: toTurn(found), agent, ahead: toAhead(found) };
  });
  return { ...entered, tookMs: performance.now() - lockedAt };
}

type TurnRow = {
  message_id: string;
  agent_id: string;
  user_id: string;
  api_key_id: string | null;
  seq: string;
  workflow_id: string;
  state: TurnState;
  received_at: Date;
  offered_ms: number;
};

type AheadRow = { ahead: number; ahead_newest: string | null };

/** Since a turn's start was last sent, in milliseconds. */
export const OFFERED_MS = '(extract(epoch FROM clock_timestamp() - offered_at) * 1000)::float8';
const TURN_COLUMNS = `message_id, agent_id, user_id, api_key_id, seq, workflow_id, state, received_at,
  ${OFFERED_MS} AS offered_ms`;

/**
 * Turns that Temporal may be running. A `refused` turn counts for ten minutes: the API gave up on its start,
 * but the start can still arrive and run. After that time no later turn would wait for it anyway. An erasure
 * is owed until it has its receipt, so whoever finds it starts it.
 */
export const IS_OPEN = `state IN ('accepted', 'refused')
  AND (state = 'accepted' OR kind = 'erasure' OR offered_at > clock_timestamp() - interval '10 minutes')`;

/** To be joined to a turn `t`; gives the columns `ahead` and `ahead_newest`. */
const TURNS_AHEAD = `LATERAL (SELECT count(*)::int AS ahead,
    CASE WHEN bool_or(o.kind = 'erasure') THEN NULL ELSE max(o.seq) END AS ahead_newest FROM turns o
  WHERE o.tenant_id = t.tenant_id AND o.agent_id = t.agent_id AND o.user_id = t.user_id
    AND ${IS_OPEN} AND o.seq < t.seq) AS before`;

// The scope's number only advances when the row is new, so a repeated delivery leaves no gap.
const ENTER_TURN = `
  WITH t AS (
    INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id,
                       api_key_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT DO NOTHING
    RETURNING *
  ), spent AS (
    UPDATE scopes s SET last_seq = t.seq, active_at = t.received_at FROM t
    WHERE s.tenant_id = t.tenant_id AND s.agent_id = t.agent_id AND s.user_id = t.user_id
  )
  SELECT ${TURN_COLUMNS}, ahead, ahead_newest FROM t, ${TURNS_AHEAD}`;

/** The id of a message, derived from its dedupe key. */
function messageIdOf(tenantId: string, dedupeKey: string): string {
  return namedUuid(dedupeKey, tenantId);
}

async function findByKey(client: pg.PoolClient, tenantId: string, dedupeKey: string) {
  const { rows } = await client.query<TurnRow & AheadRow & { body_hash: Buffer }>(
    `SELECT ${TURN_COLUMNS}, body_hash, ahead, ahead_newest FROM turns t, ${TURNS_AHEAD}
     WHERE tenant_id = $1 AND message_id = $2`,
    [tenantId, messageIdOf(tenantId, dedupeKey)],
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

/**
 * Whether anything of a turn may be stored. Not of one that is erased; nor of one that is done for longer
 * than its steps live (domain/timing.ts): it was stored then, and may have been swept since. Without a row it
 * may be erased, or its tenant removed. A sweep leaves the row for as long as steps live (migrations/0031).
 */
const MAY_BE_STORED = `state <> 'erased'
  AND (state <> 'done' OR offered_at > clock_timestamp() - interval '${LATE_TURNS_KEPT_OUT_DAYS} days')`;

/** What the ledger says of a turn to the step that is about to go on with it. */
export type TurnWord = { state: TurnState; mayBeStored: boolean };

/** The ledger's word on a turn; undefined when it has none. */
export function askAboutTurn(
  pool: pg.Pool,
  tenantId: string,
  messageId: string,
  withinMs?: number,
): Promise<Heard<TurnWord | undefined>> {
  const ask = async (client: pg.PoolClient): Promise<TurnWord | undefined> => {
    const { rows } = await client.query<TurnWord>({
      name: 'turn-word',
      text: `SELECT state, ${MAY_BE_STORED} AS "mayBeStored" FROM turns
             WHERE tenant_id = $1 AND message_id = $2 AND kind = 'message'`,
      values: [tenantId, messageId],
    });
    return rows[0];
  };
  return askLedger(pool, tenantId, ask, withinMs);
}

/** One turn by its message id; undefined when the tenant has none. */
export async function findTurn(
  pool: pg.Pool,
  tenantId: string,
  messageId: string,
): Promise<LedgerTurn | undefined> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<TurnRow>(
      `SELECT ${TURN_COLUMNS} FROM turns WHERE tenant_id = $1 AND message_id = $2 AND kind = 'message'`,
      [tenantId, messageId],
    ),
  );
  return rows[0] && toTurn(rows[0]);
}

/**
 * Records that a turn's start is being sent to Temporal again (`accepted`), or that Temporal did not answer
 * in time (`refused`). Later turns stop waiting for a refused turn once its start can no longer arrive. A
 * turn that has ended meanwhile stays so, and false tells it: its start is not to be sent. Of one that was
 * erased meanwhile it is noted that a start that was given up on may still arrive: it has no end yet.
 */
export async function markStart(
  pool: pg.Pool,
  tenantId: string,
  messageId: string,
  state: 'accepted' | 'refused',
): Promise<boolean> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ is_open: boolean }>(
      `UPDATE turns SET state = CASE state WHEN 'erased' THEN state ELSE $3 END,
         finished_at = NULL,
         offered_at = CASE $3 WHEN 'accepted' THEN clock_timestamp() ELSE offered_at END
       WHERE tenant_id = $1 AND message_id = $2
         AND (state IN ('accepted', 'refused') OR (state = 'erased' AND $3 = 'refused'))
       RETURNING state <> 'erased' AS is_open`,
      [tenantId, messageId, state],
    ),
  );
  return rows[0]?.is_open === true;
}

/**
 * Records the end of a turn that did not write it down itself, and gives the state that the ledger has now: a
 * turn that has ended meanwhile stays unchanged. So does an erasure, which has its end from the database
 * alone.
 */
export async function endTurn(
  pool: pg.Pool,
  tenantId: string,
  messageId: string,
  state: 'done' | 'failed',
): Promise<TurnState> {
  return inTenant(pool, tenantId, async (client) => {
    await client.query(
      `UPDATE turns SET state = $3, finished_at = now()
       WHERE tenant_id = $1 AND message_id = $2 AND kind = 'message' AND state IN ('accepted', 'refused')`,
      [tenantId, messageId, state],
    );
    const { rows } = await client.query<{ state: TurnState }>(
      'SELECT state FROM turns WHERE tenant_id = $1 AND message_id = $2',
      [tenantId, messageId],
    );
    return rows[0]?.state ?? state;
  });
}

/**
 * Records a turn's end within the caller's transaction, and holds its row until that ends. Safe to repeat;
 * the last call wins. False, and nothing is written, for a turn of which nothing may be stored.
 */
export async function finishTurn(
  client: pg.PoolClient,
  tenantId: string,
  messageId: string,
  state: 'done' | 'failed',
  figures?: TurnFigures,
): Promise<boolean> {
  const { missing = [], ...numbers } = figures ?? {};
  const { rowCount } = await client.query({
    name: 'finish-turn',
    text: `UPDATE turns SET state = $3, finished_at = now(), missing = $4, figures = $5
           WHERE tenant_id = $1 AND message_id = $2 AND ${MAY_BE_STORED}`,
    values: [tenantId, messageId, state, missing, figures ? JSON.stringify(numbers) : null],
  });
  return rowCount === 1;
}

function toTurn(row: TurnRow): LedgerTurn {
  return {
    messageId: row.message_id,
    agentId: row.agent_id,
    userId: row.user_id,
    apiKeyId: row.api_key_id,
    seq: Number(row.seq),
    workflowId: row.workflow_id,
    state: row.state,
    receivedAt: row.received_at,
    offeredMs: row.offered_ms,
  };
}

function toAhead({ ahead, ahead_newest }: AheadRow): TurnsAhead {
  return { count: ahead, newestSeq: ahead_newest === null ? null : Number(ahead_newest) };
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
