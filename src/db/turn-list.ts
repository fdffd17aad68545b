/** The ledger as those read it who look after an agent: turns and users, newest first. */
import type pg from 'pg';
import type { Missing } from '../domain/turn.ts';
import type { TurnState } from './ledger.ts';
import type { PageAsked } from './page.ts';
import { behind, CREATED_AT, isoTime, type Place } from './place.ts';
import { inTenant } from './tenant-transaction.ts';

/** A turn in a list. Times are ISO 8601; `endedAt` is null until it is stored, or has failed. */
export type ListedTurn = Place & {
  messageId: string;
  workflowId: string;
  agentId: string;
  userId: string;
  state: Exclude<TurnState, 'erased'>;
  endedAt: string | null;
  missing: Missing[];
  /** Messages that were recalled; null where that isn't known, or recall was not asked. */
  recalled: number | null;
};

/** Which turns are asked for. */
export type TurnFilter = {
  agentId?: string | undefined;
  state?: ListedTurn['state'] | undefined;
  /** Those alone that had to do without something. */
  isDegraded?: boolean | undefined;
};

/** A tenant's turns, newest first; those that were erased are not among them. */
export async function listTurns(
  pool: pg.Pool,
  tenantId: string,
  { agentId, state, isDegraded }: TurnFilter,
  { limit, after }: PageAsked,
): Promise<ListedTurn[]> {
  // Written out, so that the planner sees which index has them.
  const wanted = [
    `kind = 'message'`,
    state === undefined ? `state <> 'erased'` : `state = '${state}'`,
    ...(isDegraded ? [`missing <> '{}'`] : []),
    ...(agentId === undefined ? [] : ['agent_id = $5']),
  ];
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<ListedTurn>(
      `SELECT message_id AS id, message_id AS "messageId", workflow_id AS "workflowId", agent_id AS "agentId",
              user_id AS "userId", state, missing, (figures ->> 'recalled')::int AS recalled,
              ${isoTime('finished_at')} AS "endedAt", ${CREATED_AT}
       FROM (SELECT *, received_at AS created_at FROM turns
             WHERE tenant_id = $1 AND (received_at, message_id) < ($2::timestamptz, $3::uuid)
               AND ${wanted.join(' AND ')}
             ORDER BY received_at DESC, message_id DESC LIMIT $4) AS newest
       ORDER BY created_at DESC, id DESC`,
      [tenantId, ...behind(after), limit, ...(agentId === undefined ? [] : [agentId])],
    ),
  );
  return rows;
}

/**
 * A user in a list. `id` is theirs, `activeAt` when they were last heard: null for those who never were, and
 * have a memory that was imported. Their place in the list is the last.
 */
export type ListedUser = Place & { activeAt: string | null };

/** The users of an agent that have a memory or a turn, the last heard first. */
export async function listUsers(
  pool: pg.Pool,
  { tenantId, agentId }: { tenantId: string; agentId: string },
  { limit, after }: PageAsked,
): Promise<ListedUser[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<ListedUser>(
      `SELECT id, ${CREATED_AT}, ${isoTime(`nullif(created_at, 'epoch')`)} AS "activeAt"
       FROM (SELECT s.user_id AS id, s.active_at AS created_at FROM scopes s
             WHERE s.tenant_id = $1 AND s.agent_id = $2 AND (s.active_at, s.user_id) < ($3::timestamptz, $4)
               AND (EXISTS (SELECT FROM turns t
                            WHERE t.tenant_id = $1 AND t.agent_id = $2 AND t.user_id = s.user_id
                              AND t.kind = 'message' AND t.state <> 'erased')
                    OR EXISTS (SELECT FROM conversation_embeddings m
                               WHERE m.tenant_id = $1 AND m.agent_id = $2 AND m.user_id = s.user_id))
             ORDER BY s.active_at DESC, s.user_id DESC LIMIT $5) AS newest
       ORDER BY created_at DESC, id DESC`,
      [tenantId, agentId, ...behind(after, ''), limit],
    ),
  );
  return rows;
}

/** Which of these exchanges the ledger has: they came as messages. */
export async function exchangesOfTurns(
  pool: pg.Pool,
  tenantId: string,
  exchangeIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ id: string }>(
      `SELECT message_id AS id FROM turns WHERE tenant_id = $1 AND message_id = ANY ($2)`,
      [tenantId, exchangeIds],
    ),
  );
  return new Set(rows.map(({ id }) => id));
}
