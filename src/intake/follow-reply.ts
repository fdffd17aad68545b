import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Client } from '@temporalio/client';
import { findTurn, type LedgerTurn } from '../db/ledger.ts';
import type { FairPlaces } from '../lib/fair-places.ts';
import type { Shares } from '../lib/shares.ts';
import type { RedisClient } from '../redis/connection.ts';
import { readReplyPieces } from '../redis/reply-pieces.ts';
import { setbackOf } from './availability.ts';
import { outcomeOf, type MessageOutcome } from './message-outcome.ts';
import { createReplyView, type Shown, type ViewEvent } from './reply-view.ts';

/** What has become of a message when nothing more comes. */
export type EndedOutcome = Exclude<MessageOutcome, { state: 'accepted' }>;

export type ReplyEvent = ViewEvent | { kind: 'end'; outcome: EndedOutcome };

/** How often Redis is asked for what is new: while words come, and when none have come for some seconds. */
const SOONEST_MS = 100;
const LATEST_MS = 500;
/** Of a tenant with many that follow at once each asks more seldom: 200 a second all together. */
const MS_A_FOLLOWER = 5;
/** One question to Temporal; the next follows at once. */
const ASK_FOR_MS = 60_000;
/** Before Temporal is asked again that could not be asked. */
const ASK_AGAIN_MS = 1_000;

type Dependencies = {
  pool: pg.Pool;
  temporal: Client;
  redis: RedisClient;
  /** The places of those that wait for replies: who follows one has one. */
  waiting: Pick<Shares, 'heldBy'>;
  /** The places of those that ask Temporal how a message is. */
  looking: FairPlaces;
};

/**
 * Follows the reply to a message: what is told since the last `reset` is the beginning of the reply, and when
 * `end` comes with a reply, all of it. `from` is what the reader has already. While the reply grows its words
 * come by Redis; what it is in the end, the turn says, so without Redis it comes in one piece. Ends without
 * an `end` when `signal` is aborted.
 */
export async function* followReply(
  dependencies: Dependencies,
  tenantId: string,
  turn: LedgerTurn,
  { from, signal }: { from: Shown; signal: AbortSignal },
): AsyncGenerator<ReplyEvent, void> {
  const { redis, waiting } = dependencies;
  const view = createReplyView(from);
  const left = new AbortController();
  const stop = AbortSignal.any([signal, left.signal]);
  try {
    // Whoever comes back may have missed the end alone: then the pieces say less than it has.
    const known = from.length > 0 ? await lookAt(dependencies, tenantId, turn, signal) : undefined;
    const end = known ? hasEndedWith(known) : watchEnd(dependencies, tenantId, turn, stop);
    let after = '0';
    let pauseMs = SOONEST_MS;
    while (!end.outcome) {
      if (end.failure) throw end.failure.error;
      if (signal.aborted) return;
      const { pieces, last } = await readReplyPieces(redis, { tenantId, messageId: turn.messageId }, after)
        // The reply comes all the same, when it is there.
        .catch(() => ({ pieces: [], last: after }));
      after = last;
      const events = view.take(pieces);
      yield* events;
      pauseMs = events.length > 0 ? SOONEST_MS : Math.min(pauseMs * 1.2, LATEST_MS);
      await end.pause(Math.max(pauseMs, MS_A_FOLLOWER * waiting.heldBy(tenantId)));
    }
    const { outcome } = end;
    if (outcome.state === 'done') yield* view.finish(outcome.reply.text);
    yield { kind: 'end', outcome };
  } finally {
    left.abort();
  }
}

type End = {
  outcome: EndedOutcome | undefined;
  failure: { error: unknown } | undefined;
  /** Resolves after `ms`, and at once when the end has come. */
  pause(ms: number): Promise<void>;
};

const hasEndedWith = (outcome: EndedOutcome): End => ({
  outcome,
  failure: undefined,
  pause: () => Promise.resolve(),
});

/** Waits for the end beside what else is done. Once `signal` is aborted there is none. */
function watchEnd(dependencies: Dependencies, tenantId: string, turn: LedgerTurn, signal: AbortSignal): End {
  let wake: () => void = () => undefined;
  const end: End = {
    outcome: undefined,
    failure: undefined,
    // Not a race with the end: each would leave something behind there.
    pause: (ms) =>
      new Promise((resolve) => {
        if (end.outcome || end.failure || signal.aborted) {
          resolve();
          return;
        }
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
  signal.addEventListener('abort', () => wake(), { once: true });
  waitForEnd(dependencies, tenantId, turn, signal)
    .then((outcome) => (end.outcome = outcome))
    .catch((error: unknown) => (end.failure = { error }))
    .finally(() => wake())
    .catch(() => undefined);
  return end;
}

async function waitForEnd(
  dependencies: Dependencies,
  tenantId: string,
  turn: LedgerTurn,
  signal: AbortSignal,
): Promise<EndedOutcome | undefined> {
  const isOver = (): boolean => signal.aborted;
  for (let newest: LedgerTurn | undefined = turn; !isOver();) {
    const askedAt = performance.now();
    try {
      // What is no longer in the ledger is kept nowhere.
      if (!newest) return { state: 'erased' };
      const outcome = await outcomeOf(dependencies, tenantId, newest, { waitMs: ASK_FOR_MS, signal });
      if (isOver()) return undefined;
      if (outcome.state !== 'accepted') return outcome;
      newest = await findTurn(dependencies.pool, tenantId, turn.messageId);
    } catch (error) {
      if (!setbackOf(error)) throw error;
    }
    // Whoever goes away meanwhile is not waited for.
    const isSoon = performance.now() - askedAt < ASK_AGAIN_MS;
    if (isSoon) await delay(ASK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** Undefined when there is no end yet, and when `signal` is aborted before there is a place to look. */
async function lookAt(
  dependencies: Dependencies,
  tenantId: string,
  turn: LedgerTurn,
  signal: AbortSignal,
): Promise<EndedOutcome | undefined> {
  const look = () => outcomeOf(dependencies, tenantId, turn, { waitMs: 0 });
  try {
    const outcome = await dependencies.looking({ tenantId, userId: '' }, signal, look);
    return outcome.state === 'accepted' ? undefined : outcome;
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
