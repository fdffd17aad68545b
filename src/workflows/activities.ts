/** How the workflows call their activities: time-outs and retries, each with its reason. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';

/*
 * Local, since it is on the way of every reply: a normal activity costs a round trip of some 15 ms.
 * It bounds its own waiting at 2 s and reports what was missing; one attempt, or two bounds would add up.
 */
export const gathering = proxyLocalActivities<Pick<Activities, 'gatherContext'>>({
  startToCloseTimeout: '3s',
  retry: { maximumAttempts: 1 },
});

/*
 * The two below are bounded at some 2 s by their attempts: 3 × 0.6 s and the pauses between. (A local
 * activity's scheduleToCloseTimeout did not end its retries in SDK 1.24: the test then ran for ever.)
 */
const AT_MOST_2_SECONDS = {
  startToCloseTimeout: '600ms',
  retry: { initialInterval: '50ms', maximumAttempts: 3 },
} as const;

/* Local and cheap: it is asked only in a burst. After 2 s a reply out of order beats none. */
export const ordering = proxyLocalActivities<Pick<Activities, 'findTurnBefore'>>(AT_MOST_2_SECONDS);

/*
 * A normal activity: slow, worth seeing, and the one that fails in interesting ways. The heartbeat tells a
 * dead worker from a slow model. Retried for an hour: a provider's outage should delay a reply, not lose it.
 * What no retry cures is thrown as non-retryable by the activity itself.
 */
export const replying = proxyActivities<Pick<Activities, 'generateReply'>>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '15s',
  scheduleToCloseTimeout: '1h',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/* Local: one Redis script. After 2 s the child takes it over, so that a reply never waits for Redis. */
export const appending = proxyLocalActivities<Pick<Activities, 'appendTurnToWindow'>>(AT_MOST_2_SECONDS);

/*
 * Off the reply's path and owed: retried until stored. `storeTurn` throws what no retry cures (an embedding
 * of the wrong width) as non-retryable.
 */
export const storing = proxyActivities<Pick<Activities, 'storeTurn' | 'appendOwedTurn'>>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

/* The ledger must learn of it, however long Postgres is away; followers were let go before. */
export const failing = proxyActivities<Pick<Activities, 'recordFailedTurn'>>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
});
