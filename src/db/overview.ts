/** How a tenant's turns go, hour by hour, as the ledger has it. */
import type pg from 'pg';
import type { TimedStep } from '../domain/turn-figures.ts';
import { inTenant } from './tenant-transaction.ts';

/** So many of the newest turns are counted at most, and so much feedback. */
export const COUNTED_TURNS = 100_000;
/** And of so many the steps are timed. */
const TIMED_TURNS = 10_000;

/** One hour. `at` is its begin, ISO 8601. */
export type Hour = {
  at: string;
  /** All but those that were erased: each is answered, under way, refused or failed. */
  turns: number;
  answered: number;
  /** Neither stored nor failed yet. */
  underWay: number;
  refused: number;
  failed: number;
  /** Of those that were answered: without something. */
  degraded: number;
  /** Turns for which something was recalled, and for which nothing fitted. */
  recallHits: number;
  recallEmpty: number;
  up: number;
  down: number;
};

export type StepTimes = { step: TimedStep; turns: number; p50Ms: number; p95Ms: number };

export type Overview = {
  hours: Hour[];
  latency: StepTimes[];
  /** More turns than are counted: what is older than the oldest counted one is left out. */
  isPart: boolean;
};

type TurnsOfHour = Omit<Hour, 'up' | 'down'>;
type FeedbackOfHour = Pick<Hour, 'at' | 'up' | 'down'>;

const HOUR = (column: string) =>
  `to_char(date_trunc('hour', ${column} AT TIME ZONE 'UTC'), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at`;
const COUNT = (what: string) => `count(*) FILTER (WHERE ${what})::int`;

/** The hours since `from` in which there was something, oldest first. */
export async function readOverview(
  pool: pg.Pool,
  { tenantId, agentId, from }: { tenantId: string; agentId: string | undefined; from: Date },
): Promise<Overview> {
  const values = [tenantId, from, ...(agentId === undefined ? [] : [agentId])];
  const ofAgent = (column: string) => (agentId === undefined ? '' : `AND ${column} = $3`);
  const recent = (columns: string, limit: number, more = '') =>
    `SELECT ${columns} FROM turns
     WHERE tenant_id = $1 AND received_at >= $2 AND kind = 'message' AND state <> 'erased' ${ofAgent('agent_id')} ${more}
     ORDER BY received_at DESC LIMIT ${limit}`;

  return inTenant(pool, tenantId, async (client) => {
    const turns = await client.query<TurnsOfHour>(
      `SELECT ${HOUR('received_at')}, count(*)::int AS turns, ${COUNT(`state = 'done'`)} AS answered,
              ${COUNT(`state = 'accepted'`)} AS "underWay", ${COUNT(`state = 'refused'`)} AS refused,
              ${COUNT(`state = 'failed'`)} AS failed,
              ${COUNT(`state = 'done' AND missing <> '{}'`)} AS degraded,
              ${COUNT(`(figures ->> 'recalled')::int > 0`)} AS "recallHits",
              ${COUNT(`(figures ->> 'recalled')::int = 0`)} AS "recallEmpty"
       FROM (${recent('received_at, state, missing, figures', COUNTED_TURNS)}) AS recent GROUP BY 1`,
      values,
    );
    const latency = await client.query<StepTimes>(
      `SELECT step, count(*)::int AS turns,
              percentile_disc(0.5) WITHIN GROUP (ORDER BY ms::float8) AS "p50Ms",
              percentile_disc(0.95) WITHIN GROUP (ORDER BY ms::float8) AS "p95Ms"
       FROM (${recent('figures', TIMED_TURNS, 'AND figures IS NOT NULL')}) AS recent,
            jsonb_each_text(figures -> 'timingsMs') AS timed (step, ms)
       GROUP BY 1`,
      values,
    );
    const feedback = await client.query<FeedbackOfHour>(
      `SELECT ${HOUR('created_at')}, ${COUNT('is_good')} AS up, ${COUNT('NOT is_good')} AS down
       FROM (SELECT f.created_at, f.is_good FROM feedback f
             ${agentId === undefined ? '' : 'JOIN turns t ON t.tenant_id = f.tenant_id AND t.message_id = f.message_id'}
             WHERE f.tenant_id = $1 AND f.created_at >= $2 ${ofAgent('t.agent_id')}
             ORDER BY f.created_at DESC LIMIT ${COUNTED_TURNS}) AS recent GROUP BY 1`,
      values,
    );
    const counted = turns.rows.reduce((sum, hour) => sum + hour.turns, 0);
    return {
      hours: joined(turns.rows, feedback.rows),
      latency: latency.rows,
      isPart: counted >= COUNTED_TURNS,
    };
  });
}

/** An hour in which there was nothing. */
export const EMPTY_HOUR = {
  ...{ turns: 0, answered: 0, underWay: 0, refused: 0, failed: 0, degraded: 0 },
  ...{ recallHits: 0, recallEmpty: 0, up: 0, down: 0 },
};

function joined(turns: readonly TurnsOfHour[], feedback: readonly FeedbackOfHour[]): Hour[] {
  const hours = new Map(turns.map((hour) => [hour.at, { ...hour, up: 0, down: 0 }]));
  for (const { at, up, down } of feedback)
    hours.set(at, { ...(hours.get(at) ?? { at, ...EMPTY_HOUR }), up, down });
  return [...hours.values()].toSorted((a, b) => (a.at < b.at ? -1 : 1));
}
