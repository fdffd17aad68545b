/** Erasures: their entry among the turns of their scope, what is deleted for them, and their receipts. */
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import type { Scope } from '../domain/conversation.ts';
import { remainsOf, type ErasureReceipt, type Removed } from '../domain/erasure.ts';
import { forgetUserWorkflowId } from '../domain/ids.ts';
import { findAgentWith } from './agents.ts';
import { recordAudit, type AuditActor, type AuditTarget } from './audit.ts';
import { findEntered, type EnteredErasure, type Forgettable } from './open-erasures.ts';
import { lockScope } from './scopes.ts';
import { inTenant } from './tenant-transaction.ts';

/** The result of `enterErasure`. */
type ErasureEntry =
  | { outcome: 'unknown-agent' | 'unknown-exchange' | 'too-many' }
  | { outcome: 'entered'; erasure: EnteredErasure };

/** Erasures of a tenant that have no receipt yet. */
export const MOST_OPEN_ERASURES = 1_000;

/**
 * Enters an erasure with the next number of its scope. One that is asked for again before it has finished,
 * and before anything else was said, is the same erasure; so is one of an exchange while all of its scope is
 * forgotten. `too-many` when so many of the tenant are open that this would be one more than
 * `MOST_OPEN_ERASURES`. The audit log gets an entry for each request that is entered.
 */
export async function enterErasure(
  pool: pg.Pool,
  wanted: Forgettable,
  actor: AuditActor,
): Promise<ErasureEntry> {
  const { tenantId, agentId, userId, exchangeId } = wanted;
  const scope = [tenantId, agentId, userId];
  return inTenant(pool, tenantId, async (client) => {
    if (!(await findAgentWith(client, tenantId, agentId))) return { outcome: 'unknown-agent' };
    if (exchangeId !== undefined && !(await hasExchange(client, wanted, exchangeId)))
      return { outcome: 'unknown-exchange' };
    const isAskedFor = async (erasureId: string): Promise<void> => {
      const target: AuditTarget = { type: 'memory', agentId, userId, erasureId };
      const action = exchangeId === undefined ? 'memory.erase' : 'memory.erase-exchange';
      await recordAudit(client, { tenantId, actor, action, target, outcome: 'done' });
    };
    const lastSeq = await lockScope(client, wanted);
    const running = await findEntered(client, tenantId, { wanted });
    if (running) {
      await isAskedFor(running.erasureId);
      return { outcome: 'entered', erasure: running };
    }
    if (await hasTooMany(client, tenantId)) return { outcome: 'too-many' };

    const erasureId = randomUuid();
    const seq = lastSeq + 1;
    await client.query(
      `INSERT INTO turns (tenant_id, agent_id, user_id, message_id, seq, dedupe_key, body_hash, workflow_id, kind)
       VALUES ($1, $2, $3, $4, $5, $6, '', $7, 'erasure')`,
      [...scope, erasureId, seq, `erasure:${erasureId}`, forgetUserWorkflowId(tenantId, erasureId)],
    );
    await client.query(
      // Of whoever is forgotten whole, not even that they were here is kept.
      `UPDATE scopes SET last_seq = $4, last_erasure = $4,
              active_at = CASE WHEN $5::boolean THEN 'epoch' ELSE active_at END
       WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3`,
      [...scope, seq, exchangeId === undefined],
    );
    await client.query(
      `INSERT INTO erasures (tenant_id, agent_id, user_id, id, seq, exchange_id) VALUES ($1, $2, $3, $4, $5, $6)`,
      [...scope, erasureId, seq, exchangeId],
    );
    await isAskedFor(erasureId);
    const entered = await findEntered(client, tenantId, { erasureId });
    if (!entered) throw new Error('an erasure that was just entered is not there');
    return { outcome: 'entered', erasure: entered };
  });
}

async function hasTooMany(client: pg.PoolClient, tenantId: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM erasures WHERE tenant_id = $1 AND finished_at IS NULL LIMIT ${MOST_OPEN_ERASURES}`,
    [tenantId],
  );
  return rowCount === MOST_OPEN_ERASURES;
}

async function hasExchange(client: pg.PoolClient, scope: Scope, exchangeId: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM turns WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND message_id = $4 AND kind = 'message'
     UNION ALL
     SELECT FROM conversation_embeddings
     WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND exchange_id = $4`,
    [scope.tenantId, scope.agentId, scope.userId, exchangeId],
  );
  return rowCount !== 0;
}

/** An erasure's receipt so far; undefined when the tenant has no such erasure. */
export async function findErasure(
  pool: pg.Pool,
  tenantId: string,
  erasureId: string,
): Promise<ErasureReceipt | undefined> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{
      requested_at: Date;
      finished_at: Date | null;
      is_whole: boolean;
      removed: Partial<Removed>;
    }>(
      `SELECT requested_at, finished_at, exchange_id IS NULL AS is_whole, removed FROM erasures
       WHERE tenant_id = $1 AND id = $2`,
      [tenantId, erasureId],
    ),
  );
  const [row] = rows;
  if (!row) return undefined;
  const { window = 0, memories = 0, passages = 0, executions = 0, turns = 0, keys = 0 } = row.removed;
  return {
    erasureId,
    requestedAt: row.requested_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    removed: { window, memories, passages, executions, turns, keys },
    remains: row.finished_at ? remainsOf(row.finished_at, row.is_whole) : [],
  };
}

/**
 * How far an erasure has come, by the database alone. `forgotten`: all is that turns after it would begin
 * with, of which executions and the ledger's entries may be left. `open` also when there is no such erasure.
 */
export async function stageOf(
  pool: pg.Pool,
  tenantId: string,
  erasureId: string,
): Promise<'open' | 'forgotten' | 'finished'> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ stage: 'open' | 'forgotten' | 'finished' }>(
      `SELECT CASE WHEN e.finished_at IS NOT NULL THEN 'finished' WHEN t.state = 'done' THEN 'forgotten'
                   ELSE 'open' END AS stage
       FROM erasures e JOIN turns t ON t.tenant_id = e.tenant_id AND t.message_id = e.id
       WHERE e.tenant_id = $1 AND e.id = $2`,
      [tenantId, erasureId],
    ),
  );
  return rows[0]?.stage ?? 'open';
}

type ForgetSome = (pool: pg.Pool, tenantId: string, erasureId: string, atMost: number) => Promise<boolean>;

/** Calls a function of the database that forgets some rows of each table. False when nothing was left. */
const forgetSomeBy =
  (name: 'forget_imports' | 'forget_memories'): ForgetSome =>
  async (pool, tenantId, erasureId, atMost) => {
    const { rows } = await inTenant(pool, tenantId, (client) =>
      client.query<{ removed: number }>(`SELECT ${name}($1, $2)::float8 AS removed`, [erasureId, atMost]),
    );
    return rows[0]?.removed !== 0;
  };

/**
 * Forgets what imports have brought and not yet stored, some rows of each table at a time: none of it is
 * stored after that. False when nothing was left.
 */
export const forgetSomeImports = forgetSomeBy('forget_imports');

/**
 * Forgets what is stored for an erasure, some rows of each table at a time, and ends the turns before it, so
 * that none of them is stored late. False when nothing was left: turns after it need not wait any more.
 */
export const forgetSomeMemories = forgetSomeBy('forget_memories');

/** A turn that an erasure has to take out of Temporal and out of the ledger. */
export type ErasedTurn = {
  messageId: string;
  seq: number;
  /** A start of it can still arrive. */
  mayStart: boolean;
};

/**
 * The erased turns of a scope, after one number and before another, that still name their person. A start can
 * arrive for ten minutes after it was sent: one that was given up on, one that was sent again after the turn
 * had ended, and one that Temporal was not seen to have (see `noteArrived`). For any other it is ten seconds.
 */
export async function findErasedTurns(
  pool: pg.Pool,
  { tenantId, agentId, userId, exchangeId }: Forgettable,
  range: { after: number; before: number; limit: number },
): Promise<ErasedTurn[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<ErasedTurn>(
      `SELECT message_id AS "messageId", seq::float8,
              offered_at > clock_timestamp()
                - CASE WHEN finished_at = offered_at THEN interval '10 seconds' ELSE interval '10 minutes' END
                AS "mayStart"
       FROM turns
       WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND seq > $4 AND seq < $5 AND state = 'erased'
         AND ($6::uuid IS NULL OR message_id = $6)
       ORDER BY seq LIMIT $7`,
      [tenantId, agentId, userId, range.after, range.before, exchangeId, range.limit],
    ),
  );
  return rows;
}

/** Whether the ledger names a turn of a scope before a number, in whatever state: it may still be written. */
export async function hasTurnsBefore(
  pool: pg.Pool,
  { tenantId, agentId, userId, exchangeId }: Forgettable,
  seq: number,
): Promise<boolean> {
  const { rowCount } = await inTenant(pool, tenantId, (client) =>
    client.query(
      `SELECT FROM turns
       WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND seq < $4 AND kind = 'message'
         AND ($5::uuid IS NULL OR message_id = $5) LIMIT 1`,
      [tenantId, agentId, userId, seq, exchangeId],
    ),
  );
  return rowCount === 1;
}

/**
 * Notes of erased turns that Temporal has their starts. The mark is an end at the time of the start. A start
 * that was given up on, or sent again after the turn's end, may still come: such a turn gets no mark.
 */
export async function noteArrived(
  pool: pg.Pool,
  tenantId: string,
  messageIds: readonly string[],
): Promise<void> {
  await inTenant(pool, tenantId, (client) =>
    client.query(
      `UPDATE turns SET finished_at = offered_at
       WHERE tenant_id = $1 AND message_id = ANY ($2) AND state = 'erased' AND finished_at > offered_at`,
      [tenantId, messageIds],
    ),
  );
}

/** Takes the person out of these turns' rows. */
export async function forgetTurns(
  pool: pg.Pool,
  tenantId: string,
  erasureId: string,
  messageIds: readonly string[],
): Promise<void> {
  await inTenant(pool, tenantId, (client) =>
    client.query('SELECT forget_turns($1, $2)', [erasureId, messageIds]),
  );
}

/**
 * Ends an erasure, with what was removed elsewhere, and gives its receipt. The first call counts. Rejects
 * while the database has anything that was before it.
 */
export async function finishErasure(
  pool: pg.Pool,
  tenantId: string,
  erasureId: string,
  removed: Pick<Removed, 'window' | 'keys' | 'executions'>,
): Promise<ErasureReceipt> {
  await inTenant(pool, tenantId, (client) =>
    client.query('SELECT finish_erasure($1, $2)', [erasureId, JSON.stringify(removed)]),
  );
  const receipt = await findErasure(pool, tenantId, erasureId);
  if (!receipt) throw new Error('an erasure that was just finished is not there');
  return receipt;
}
