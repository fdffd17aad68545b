/**
 * How the workflows call their activities: time-outs and retries, each with its reason. The summaries are
 * what the Web UI shows beside each step. A replay compares neither options nor summaries, so they may change
 * at any time; the one exception is `cancellationType`, which decides when a cancelled turn goes on.
 */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { EMBEDDING_TASK_QUEUE } from '../domain/task-queues.ts';
import {
  ANSWER_HEARTBEAT_TIMEOUT_MS,
  ANSWER_TIMEOUT_MS,
  DELIVERY_HEARTBEAT_TIMEOUT_MS,
  DELIVERY_RETRY_MS,
  GATHER_IN_TURN_WITHIN_MS,
  GATHER_TIMEOUT_MS,
  QUICK_ATTEMPT_MS,
  QUICK_ATTEMPTS,
  QUICK_RETRY_MS,
  STEP_TRIED_FOR_MS,
  STORE_HEARTBEAT_TIMEOUT_MS,
  STORE_LOCALLY_WITHIN_MS,
  STORE_TIMEOUT_MS,
} from '../domain/timing.ts';

/*
 * Local: it is on the way of every reply, and a normal activity costs a round trip of some 15 ms. It bounds
 * its own waiting and reports what is missing. One attempt: a second would add its bound to the first.
 */
export const { gatherContext } = proxyLocalActivities<Pick<Activities, 'gatherContext'>>({
  startToCloseTimeout: GATHER_TIMEOUT_MS,
  retry: { maximumAttempts: 1 },
  summary: 'look up what is remembered',
});

/*
 * The same for a turn that had to wait for another, and for a long text. Temporal hands it out tenant by
 * tenant, and a tenant has its share of it: hundreds of turns may be let go at once, a long text takes ten
 * times as long as a short one, and a local activity keeps one of few slots for workflow tasks while it waits
 * for the model that embeds.
 */
export const { gatherContext: gatherContextInTurn } = proxyActivities<Pick<Activities, 'gatherContext'>>({
  startToCloseTimeout: GATHER_TIMEOUT_MS,
  scheduleToCloseTimeout: GATHER_IN_TURN_WITHIN_MS,
  retry: { initialInterval: '1s', backoffCoefficient: 1 },
  summary: 'look up what is remembered, in its turn',
});

/*
 * The attempts bound it at some 2 s. A local activity's scheduleToCloseTimeout does not end its retries (SDK
 * 1.24).
 */
const QUICK = {
  startToCloseTimeout: QUICK_ATTEMPT_MS,
  retry: { initialInterval: QUICK_RETRY_MS, backoffCoefficient: 2, maximumAttempts: QUICK_ATTEMPTS },
} as const;

/* Local and cheap; asked in a burst only. After 2 s a reply out of order beats none. */
export const { findTurnBefore } = proxyLocalActivities<Pick<Activities, 'findTurnBefore'>>({
  ...QUICK,
  summary: 'is an earlier turn still running?',
});

/*
 * A normal activity: it is slow, operators want to see it, and it fails in interesting ways. The heartbeat
 * tells a dead worker from a slow model. Retried for an hour: an outage of the model should delay a reply,
 * not lose it. The activity itself throws as non-retryable what no retry cures. It also shows that the agent
 * is at work and delivers the reply where one call does that (docs/decisions/0005): that saves two activities
 * and two workflow tasks.
 */
export const { answerTurn } = proxyActivities<Pick<Activities, 'answerTurn'>>({
  startToCloseTimeout: ANSWER_TIMEOUT_MS,
  heartbeatTimeout: ANSWER_HEARTBEAT_TIMEOUT_MS,
  scheduleToCloseTimeout: STEP_TRIED_FOR_MS,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  // Somebody who cancels a turn must not see the reply replace the apology.
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  summary: 'ask the model',
});

/* Local: one Redis script. After 2 s the child takes it over, so that a reply never waits for Redis. */
export const { appendTurnToWindow } = proxyLocalActivities<Pick<Activities, 'appendTurnToWindow'>>({
  ...QUICK,
  summary: 'add the turn to the window',
});

/*
 * The first try of a backfill is local: a normal activity would be half of a backfill's cost in Temporal. One
 * attempt; the normal activity below takes over what fails.
 */
export const { storeTurn: storeTurnLocally } = proxyLocalActivities<Pick<Activities, 'storeTurn'>>({
  startToCloseTimeout: STORE_LOCALLY_WITHIN_MS,
  retry: { maximumAttempts: 1 },
  summary: 'remember the turn',
});

/* Off the reply's path and owed: retried until they are done, where operators see them. */
const OWED = { retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } } as const;

/* As late after Redis is back as it was away, and an hour at most: there may be many of them. */
export const { appendOwedTurn } = proxyActivities<Pick<Activities, 'appendOwedTurn'>>({
  retry: { ...OWED.retry, maximumInterval: '1h' },
  startToCloseTimeout: '30s',
  summary: 'add the turn to the window',
});

/* Long texts wait for their turn at the model: minutes, when many come at once. */
export const { storeTurn } = proxyActivities<Pick<Activities, 'storeTurn'>>({
  ...OWED,
  startToCloseTimeout: STORE_TIMEOUT_MS,
  heartbeatTimeout: STORE_HEARTBEAT_TIMEOUT_MS,
  summary: 'remember the turn',
});

/*
 * A slice of an import may wait for the model as a turn's long texts do. Its tries are a minute apart before
 * long: the activity counts those in vain, and ends the import after enough of them.
 */
export const { importSlice, finishImport } = proxyActivities<
  Pick<Activities, 'importSlice' | 'finishImport'>
>({
  retry: { ...OWED.retry, maximumInterval: '1m' },
  startToCloseTimeout: STORE_TIMEOUT_MS,
  heartbeatTimeout: STORE_HEARTBEAT_TIMEOUT_MS,
  summary: 'store what was imported',
});

/* A slice waits for the model as one of an import does. It is tried until it is done. */
export const { beginReindex, reindexSlice, finishReindex } = proxyActivities<
  Pick<Activities, 'beginReindex' | 'reindexSlice' | 'finishReindex'>
>({
  retry: { ...OWED.retry, maximumInterval: '1m' },
  startToCloseTimeout: STORE_TIMEOUT_MS,
  heartbeatTimeout: STORE_HEARTBEAT_TIMEOUT_MS,
  summary: 'derive anew what is remembered',
});

/*
 * A first sweep may have years to delete. What it has done stays done. It ends, some four hours of attempts
 * later, when a tenant fails for good: while one night's sweep runs, no other begins.
 */
export const { sweepRetention } = proxyActivities<Pick<Activities, 'sweepRetention'>>({
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10m', maximumAttempts: 33 },
  startToCloseTimeout: '12h',
  heartbeatTimeout: STORE_HEARTBEAT_TIMEOUT_MS,
  summary: 'delete what tenants no longer keep',
});

/* A large tenant takes hours. What a step has done stays done, so the next attempt goes on. */
export const { removeRuns, removeRows, removeKeys, finishRemoval } = proxyActivities<
  Pick<Activities, 'removeRuns' | 'removeRows' | 'removeKeys' | 'finishRemoval'>
>({
  ...OWED,
  startToCloseTimeout: '12h',
  heartbeatTimeout: STORE_HEARTBEAT_TIMEOUT_MS,
  summary: 'remove the tenant',
});

/* Postgres may be away for longer: then the ledger learns of it from whoever asks (intake/settle-turn.ts). */
export const { recordFailedTurn } = proxyActivities<Pick<Activities, 'recordFailedTurn'>>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: STEP_TRIED_FOR_MS,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
  summary: 'note the failure in the ledger',
});

/*
 * For a turn that waits for others. A placeholder is worth a minute of tries; after that the reply comes
 * without one. The heartbeat tells a dead worker within seconds, since the reply waits for this step.
 */
export const { showProgress } = proxyActivities<Pick<Activities, 'showProgress'>>({
  startToCloseTimeout: '30s',
  heartbeatTimeout: DELIVERY_HEARTBEAT_TIMEOUT_MS,
  scheduleToCloseTimeout: '1m',
  retry: { initialInterval: DELIVERY_RETRY_MS, backoffCoefficient: 2, maximumInterval: '10s' },
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  summary: 'show that an answer is coming',
});

/*
 * Long replies, late ones, and those that early delivery left: the text comes from the history. Operators
 * want to see whether the person has the reply. Tried for an hour, as the model is. A rate limit waits as
 * told; the activity throws as non-retryable what the channel refuses for good.
 */
export const { deliverReply } = proxyActivities<Pick<Activities, 'deliverReply'>>({
  startToCloseTimeout: '2m',
  heartbeatTimeout: DELIVERY_HEARTBEAT_TIMEOUT_MS,
  scheduleToCloseTimeout: STEP_TRIED_FOR_MS,
  retry: { initialInterval: DELIVERY_RETRY_MS, backoffCoefficient: 2, maximumInterval: '30s' },
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  summary: 'deliver the reply',
});

/*
 * The steps of an erasure are owed, however long a service is away: tried until they are done. They share the
 * backfills' queue, since they can take long; the first is awaited by the turns that follow.
 */
const FORGETTING = { ...OWED, heartbeatTimeout: '30s' } as const;
const FORGETTING_STEP = '5m';

export const { forgetMemory } = proxyActivities<Pick<Activities, 'forgetMemory'>>({
  ...FORGETTING,
  startToCloseTimeout: FORGETTING_STEP,
  summary: 'forget what is remembered',
});

export const { forgetExecutions, forgetLedger, finishErasure } = proxyActivities<
  Pick<Activities, 'forgetExecutions' | 'forgetLedger' | 'finishErasure'>
>({
  ...FORGETTING,
  startToCloseTimeout: FORGETTING_STEP,
  taskQueue: EMBEDDING_TASK_QUEUE,
  summary: 'forget what was said',
});
