import { isGrpcServiceError, type Client } from '@temporalio/client';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type pg from 'pg';
import type { LedgerTurn } from '../db/ledger.ts';
import { offerAgain, reopenTurn } from '../db/retried-turn.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import type { HandleMessageInput } from '../domain/turn.ts';
import { refusalBehind } from '../temporal/payload-codec.ts';
import { outageOf, reach } from './availability.ts';
import { atPace, type Pace } from './pace.ts';
import type { RetryOutcome } from './outcomes.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { settleTurn } from './settle-turn.ts';
import { startTurn, type TurnStarter } from './start-turn.ts';

/**
 * Answers a message once more that got no reply, however its turn ended: the same turn, at its old place in
 * the scope. It counts against the limits as a new message does. The ledger holds no text, so the text comes
 * from the ended run's history. `unavailable` when Temporal or Postgres doesn't answer within 2 s.
 */
export async function retryMessage(
  dependencies: TurnStarter & {
    pool: pg.Pool;
    rateLimiter: Pick<RateLimiter, 'count' | 'uncount'>;
    pace: Pace;
  },
  tenantId: string,
  turn: LedgerTurn,
): Promise<RetryOutcome> {
  const { pool, temporal, rateLimiter, pace } = dependencies;
  const deadline = Date.now() + ACCEPT_WITHIN_MS;
  let isCounted = false;
  try {
    const state = await temporal.withDeadline(deadline, () => settleTurn(dependencies, tenantId, turn));
    if (state === 'erased') return { kind: 'too-old' };
    if (state === 'done' || state === 'accepted') return { kind: 'not-failed' };
    // Before a history is read, which may be of megabytes.
    const limited = await reach('The database', deadline, rateLimiter.count(tenantId, turn.userId));
    if (limited) return { kind: 'rate-limited', ...limited };
    isCounted = true;
    const input = await inputOf(temporal, turn.workflowId, deadline);
    const start = async (given: HandleMessageInput): Promise<RetryOutcome> => {
      // It was erased meanwhile, or is done.
      if (!(await reach('The database', deadline, offerAgain(pool, tenantId, turn.messageId))))
        return { kind: 'not-failed' };
      await startTurn(dependencies, given, { deadline, again: true });
      await reopenTurn(pool, tenantId, turn.messageId);
      return { kind: 'accepted' };
    };
    // Of one that was refused, and has an input, Temporal has the start after all.
    const isFailed = input !== undefined && state !== 'refused';
    const outcome = isFailed
      ? await atPace(pace, tenantId, deadline, () => start(input))
      : ({ kind: input ? 'not-failed' : 'too-old' } as const);
    if (outcome.kind !== 'accepted') void rateLimiter.uncount(tenantId, turn.userId);
    return outcome;
  } catch (error) {
    // What can't be read is as good as forgotten.
    const known = refusalBehind(error) ? ({ kind: 'too-old' } as const) : outageOf(error);
    if (!known) throw error;
    if (isCounted) void rateLimiter.uncount(tenantId, turn.userId);
    return known;
  }
}

/** gRPC's number for it. */
const NOT_FOUND = 5;

/** What the last run was started with; undefined when Temporal has forgotten it. */
async function inputOf(
  temporal: Client,
  workflowId: string,
  deadline: number,
): Promise<HandleMessageInput | undefined> {
  try {
    const handle = temporal.workflow.getHandle(workflowId);
    const { events } = await temporal.withDeadline(deadline, () => handle.fetchHistory());
    const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
    const [input] = await decodeArrayFromPayloads(temporal.options.loadedDataConverter, payloads);
    return input as HandleMessageInput;
  } catch (error) {
    // The client hands on what the server says as it is.
    if (isGrpcServiceError(error) && error.code.valueOf() === NOT_FOUND) return undefined;
    throw error;
  }
}
