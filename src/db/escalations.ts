/** Threads that a person has taken over (migrations/0022, 0028). */
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import { recordAudit, type AuditActor } from './audit.ts';
import type { PageAsked } from './page.ts';
import { behind, CREATED_AT, type Place } from './place.ts';
import { inTenant } from './tenant-transaction.ts';

/** Who has asked for a person. */
export type OpenedBy = 'person' | 'agent' | 'api';

/** A thread that a person has taken over. Times are ISO 8601. */
export type Escalation = {
  id: string;
  threadId: string;
  agentId: string | null;
  openedAt: string;
  openedBy: OpenedBy;
};

type Row = {
  id: string;
  thread_id: string;
  agent_id: string | null;
  opened_at: Date;
  opened_by: OpenedBy;
};

const COLUMNS = 'id, thread_id, agent_id, opened_at, opened_by';

const toEscalation = (row: Row): Escalation => ({
  id: row.id,
  threadId: row.thread_id,
  agentId: row.agent_id,
  openedAt: row.opened_at.toISOString(),
  openedBy: row.opened_by,
});

export type OpenEscalation = {
  tenantId: string;
  threadId: string;
  agentId: string | undefined;
  by: OpenedBy;
  actor: AuditActor;
};

/** From now on the agent is silent in the thread. Asked for again it is the same. */
export async function openEscalation(pool: pg.Pool, asked: OpenEscalation): Promise<Escalation> {
  const { tenantId, threadId, agentId, by, actor } = asked;
  return inTenant(pool, tenantId, async (client) => {
    // One that stands in the way may be ended before it is read: then there is room for this one.
    for (;;) {
      const { rows } = await client.query<Row>(
        `INSERT INTO escalations (tenant_id, id, thread_id, agent_id, opened_by)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, thread_id) DO NOTHING RETURNING ${COLUMNS}`,
        [tenantId, randomUuid(), threadId, agentId ?? null, by],
      );
      const [opened] = rows;
      if (opened) {
        const target = { type: 'escalation', id: opened.id };
        await recordAudit(client, { tenantId, actor, action: 'escalation.open', target, outcome: 'done' });
        return toEscalation(opened);
      }
      const open = await findOpen(client, tenantId, threadId);
      if (open) return open;
    }
  });
}

/** The agent speaks again. Undefined when it was not silent. */
export async function endEscalation(
  pool: pg.Pool,
  { tenantId, threadId, actor }: { tenantId: string; threadId: string; actor: AuditActor },
): Promise<Escalation | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<Row>(
      `DELETE FROM escalations WHERE tenant_id = $1 AND thread_id = $2 RETURNING ${COLUMNS}`,
      [tenantId, threadId],
    );
    const [ended] = rows;
    if (!ended) return undefined;
    const target = { type: 'escalation', id: ended.id };
    await recordAudit(client, { tenantId, actor, action: 'escalation.end', target, outcome: 'done' });
    return toEscalation(ended);
  });
}

/** What stands for a thread now; undefined when nobody has taken it over. */
export async function findEscalation(
  pool: pg.Pool,
  tenantId: string,
  threadId: string,
): Promise<Escalation | undefined> {
  return inTenant(pool, tenantId, (client) => findOpen(client, tenantId, threadId));
}

async function findOpen(
  client: pg.PoolClient,
  tenantId: string,
  threadId: string,
): Promise<Escalation | undefined> {
  const { rows } = await client.query<Row>({
    name: 'find escalation',
    text: `SELECT ${COLUMNS} FROM escalations WHERE tenant_id = $1 AND thread_id = $2`,
    values: [tenantId, threadId],
  });
  return rows[0] && toEscalation(rows[0]);
}

/** A tenant's threads that a person has taken over, the last one first. */
export async function listEscalations(
  pool: pg.Pool,
  tenantId: string,
  { limit, after }: PageAsked,
): Promise<Array<Escalation & Place>> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<Row & Place>(
      `SELECT ${COLUMNS}, ${CREATED_AT}
       FROM (SELECT ${COLUMNS}, opened_at AS created_at FROM escalations
             WHERE tenant_id = $1 AND (opened_at, id) < ($2::timestamptz, $3::uuid)
             ORDER BY opened_at DESC, id DESC LIMIT $4) AS newest
       ORDER BY created_at DESC, id DESC`,
      [tenantId, ...behind(after), limit],
    ),
  );
  return rows.map((row) => ({ ...toEscalation(row), createdAt: row.createdAt }));
}

/** Longer than it takes to tell the next of them while Slack is slow: a look, a link, a message. */
const TELLING_WITHIN = '1 minute';

/**
 * Claims the telling, for one caller, until people are told or it gives the claim back; after a minute in
 * which it has told nobody, when it has died over it, for another. Gives who has been told by then. `begun`:
 * somebody else has claimed it, and may not bring it to its end; undefined when nothing is to be done.
 */
export async function claimTelling(
  pool: pg.Pool,
  tenantId: string,
  id: string,
): Promise<ReadonlySet<string> | 'begun' | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<{ told: string[] }>(
      `UPDATE escalations SET telling_at = now() WHERE tenant_id = $1 AND id = $2 AND told_at IS NULL
         AND (telling_at IS NULL OR telling_at < now() - $3::interval) RETURNING told`,
      [tenantId, id, TELLING_WITHIN],
    );
    if (rows[0]) return new Set(rows[0].told);
    const begun = await client.query(
      'SELECT FROM escalations WHERE tenant_id = $1 AND id = $2 AND told_at IS NULL',
      [tenantId, id],
    );
    return begun.rowCount ? 'begun' : undefined;
  });
}

/** Notes that somebody has been told, so that nobody is told twice when the telling breaks off. */
export async function noteTold(pool: pg.Pool, tenantId: string, id: string, whom: string): Promise<void> {
  await inTenant(pool, tenantId, (client) =>
    client.query(
      `UPDATE escalations SET told = array_append(told, $3), telling_at = now()
       WHERE tenant_id = $1 AND id = $2`,
      [tenantId, id, whom],
    ),
  );
}

/** All are told; or the telling broke off, and may be claimed again at once. */
export async function endTelling(
  pool: pg.Pool,
  tenantId: string,
  id: string,
  { isTold }: { isTold: boolean },
): Promise<void> {
  const ended = isTold ? 'told_at = now()' : 'telling_at = NULL';
  await inTenant(pool, tenantId, (client) =>
    client.query(`UPDATE escalations SET ${ended} WHERE tenant_id = $1 AND id = $2`, [tenantId, id]),
  );
}
