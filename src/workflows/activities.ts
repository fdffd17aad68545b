/**
 * How the workflows call their activities: time-outs and retries, each with its reason. The summaries are
 * what the Web UI shows beside each step; like every option here they are no part of what a replay compares. (How a
 * cancellation is waited for is, in turns that were cancelled; before it was waited for, such turns could not go on.)
 */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';

/*
 * Local, since it is on the way of every reply: a normal activity costs a round trip of some 15 ms.
 * It bounds its own waiting at 2 s and reports what was missing; one attempt, or two bounds would add up.
 */
export const gathering = proxyLocalActivities<Pick<Activities, 'gatherContext'>>({
  startToCloseTimeout: '3s',
  retry: { maximumAttempts: 1 },
  summary: 'look up what is remembered',
});

/*
 * The two below are bounded at some 2 s by their attempts: 3 × 0.6 s and the pauses between. (A local
 * activity's scheduleToCloseTimeout did not end its retries in SDK 1.24: the test then ran for ever.)
 */
const THREE_QUICK_ATTEMPTS = { initialInterval: '50ms', maximumAttempts: 3 } as const;

/* Local and cheap: it is asked only in a burst. After 2 s a reply out of order beats none. */
export const ordering = proxyLocalActivities<Pick<Activities, 'findTurnBefore'>>({
  startToCloseTimeout: '600ms',
  retry: THREE_QUICK_ATTEMPTS,
  summary: 'is an earlier turn still running?',
});

/*
 * A normal activity: slow, worth seeing, and the one that fails in interesting ways. The heartbeat tells a
 * dead worker from a slow model. Retried for an hour: a provider's outage should delay a reply, not lose it.
 * What no retry cures is thrown as non-retryable by the activity itself. In Slack it also shows that it is at work and,
 * if that can be done at once, brings the reply (docs/decisions/0005): two activities and two workflow tasks less.
 */
export const replying = proxyActivities<Pick<Activities, 'generateReply'>>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '15s',
  scheduleToCloseTimeout: '1h',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  // Who cancels a turn should not see its apology overtaken by its reply.
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  summary: 'ask the model',
});

/* Local: one Redis script. After 2 s the child takes it over, so that a reply never waits for Redis. */
export const appending = proxyLocalActivities<Pick<Activities, 'appendTurnToWindow'>>({
  startToCloseTimeout: '600ms',
  retry: THREE_QUICK_ATTEMPTS,
  summary: 'add the turn to the window',
});

/*
 * The backfill's first try: local, since a normal activity would be half of what a backfill costs Temporal
 * (141 → 100 CPU-ms a reply). One attempt: what fails is taken over by the normal activity below.
 */
export const storingHere = proxyLocalActivities<Pick<Activities, 'storeTurn'>>({
  startToCloseTimeout: '30s',
  retry: { maximumAttempts: 1 },
  summary: 'remember the turn',
});

/*
 * Off the reply's path and owed: retried until stored, for operators to see. `storeTurn` throws what no retry
 * cures (an embedding of the wrong width) as non-retryable.
 */
export const storing = proxyActivities<Pick<Activities, 'storeTurn' | 'appendOwedTurn'>>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
  summary: 'remember the turn',
});

/* The ledger must learn of it, however long Postgres is away; followers were let go before. */
export const failing = proxyActivities<Pick<Activities, 'recordFailedTurn'>>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
  summary: 'note the failure in the ledger',
});

/*
 * For a turn that waits for others. A placeholder is worth posting for a minute; after that the reply comes without
 * one. The heartbeat tells a dead worker within seconds, since the reply waits for this.
 */
export const placeholding = proxyActivities<Pick<Activities, 'postPlaceholder'>>({
  startToCloseTimeout: '30s',
  heartbeatTimeout: '8s',
  scheduleToCloseTimeout: '1m',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  summary: 'show in Slack that an answer is coming',
});

/*
 * The way of long and late replies, and of what was not brought at once: from the history. Operators want to see
 * whether Slack has the reply. Tried for an hour, as the model is; a 429 waits as told, and what Slack refuses for
 * good is thrown as non-retryable by the activity.
 */
export const delivering = proxyActivities<Pick<Activities, 'deliverReply'>>({
  startToCloseTimeout: '2m',
  heartbeatTimeout: '8s',
  scheduleToCloseTimeout: '1h',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  summary: 'bring the reply to Slack',
});
