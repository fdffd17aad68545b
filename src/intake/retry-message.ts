import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { LedgerTurn } from '../db/ledger.ts';
import { offerAgain, reopenTurn } from '../db/retried-turn.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import type { HandleMessageInput } from '../domain/turn.ts';
import type { FairPlaces } from '../lib/fair-places.ts';
import { fetchInput } from '../temporal/history.ts';
import { refusalBehind } from '../temporal/payload-codec.ts';
import { statusOf } from '../temporal/status.ts';
import { reach, setbackOf, UnavailableError } from './availability.ts';
import { atPace, type Pace } from './pace.ts';
import type { RetryOutcome } from './outcomes.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { settleTurn } from './settle-turn.ts';
import { startTurn, type TurnStarter } from './start-turn.ts';

/** Beginnings of histories that a process reads at once for retries of a tenant that is alone. */
export const RETRIES_AT_ONCE = 2;

/**
 * Answers a message once more that got no reply, however its turn ended: the same turn, at its old place in
 * the scope. It counts against the limits as a new message does, whatever becomes of it: it costs as much.
 * The ledger holds no text, so the text comes from the ended run's history, a few of a tenant's at a time.
 * `unavailable` when Temporal or Postgres doesn't answer within 2 s.
 * @param dependencies.places see `RETRIES_AT_ONCE`
 */
export async function retryMessage(
  dependencies: TurnStarter & {
    pool: pg.Pool;
    rateLimiter: Pick<RateLimiter, 'count'>;
    pace: Pace;
    places: FairPlaces;
  },
  tenantId: string,
  turn: LedgerTurn,
): Promise<RetryOutcome> {
  const { pool, temporal, rateLimiter, pace, places } = dependencies;
  const { userId, messageId } = turn;
  const deadline = Date.now() + ACCEPT_WITHIN_MS;
  const of = { pool, tenantId };
  try {
    if (turn.state === 'done') return { kind: 'not-failed' };
    // Before Temporal is asked for anything.
    const limited = await reach('The database', deadline, rateLimiter.count(tenantId, userId), of);
    if (limited) return { kind: 'rate-limited', ...limited };
    const state = await temporal.withDeadline(deadline, () => settleTurn(dependencies, tenantId, turn));
    if (state === 'erased') return { kind: 'too-old' };
    if (state === 'done' || state === 'accepted') return { kind: 'not-failed' };
    const start = async (): Promise<RetryOutcome> => {
      const late = AbortSignal.timeout(Math.max(0, deadline - Date.now()));
      const read = () => temporal.withDeadline(deadline, () => inputOf(temporal, turn.workflowId));
      const input = await places({ tenantId, userId }, late, read).catch((error: unknown) => {
        throw late.aborted ? new UnavailableError('Temporal', { cause: error }) : error;
      });
      if (input === 'running') return { kind: state === 'failed' ? 'still-ending' : 'not-failed' };
      if (!input) return { kind: 'too-old' };
      // Of one that was refused, and has an input, Temporal has the start after all.
      if (state === 'refused') return { kind: 'not-failed' };
      // It was erased meanwhile, or is done.
      if (!(await reach('The database', deadline, offerAgain(pool, tenantId, messageId), of)))
        return { kind: 'not-failed' };
      await startTurn(dependencies, input, { deadline, again: true });
      await reopenTurn(pool, tenantId, messageId);
      return { kind: 'accepted' };
    };
    return await atPace(pace, { tenantId, text: '' }, deadline, start);
  } catch (error) {
    // What can't be read is as good as forgotten.
    const known = refusalBehind(error) ? ({ kind: 'too-old' } as const) : setbackOf(error);
    if (!known) throw error;
    return known;
  }
}

/**
 * What the last run was started with; undefined when Temporal has forgotten it, and `running` while it still
 * runs: no other begins beside it.
 */
async function inputOf(
  temporal: Client,
  workflowId: string,
): Promise<HandleMessageInput | 'running' | undefined> {
  if ((await statusOf(temporal, workflowId)) === 'RUNNING') return 'running';
  return (await fetchInput(temporal, workflowId)) as HandleMessageInput | undefined;
}
