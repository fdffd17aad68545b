import type { RedisClient } from '../redis/connection.ts';
import type pg from 'pg';
import {
  enterTurn,
  findTurn,
  hasEnded,
  isEntered,
  markStart,
  type LedgerTurn,
  type TurnsAhead,
} from '../db/ledger.ts';
import { createSealKeys } from '../db/seal-keys.ts';
import type { InboundMessage, Scope } from '../domain/conversation.ts';
import { ACCEPT_WITHIN_MS, INTAKE_REDIS_WITHIN_MS } from '../domain/timing.ts';
import type { HandleMessageInput, TurnLimits } from '../domain/turn.ts';
import { within } from '../lib/within.ts';
import { newestSeq } from '../memory/window/window.ts';
import { createReachShare, reach, setbackOf } from './availability.ts';
import { atPace, type Pace } from './pace.ts';
import type { IntakeOutcome, NewMessage } from './outcomes.ts';
import type { RateLimited, RateLimiter } from './rate-limiter.ts';
import { sealTurn } from './seals.ts';
import { startTurn, type TurnStarter } from './start-turn.ts';

/** `deadline` (epoch ms) is for callers that have spent some of the two seconds themselves. */
export type AcceptMessage = (message: NewMessage, options?: { deadline?: number }) => Promise<IntakeOutcome>;

/**
 * Makes the one way in: enters the message in the ledger and starts its workflow, or finds that both were
 * done before. `accepted` means that Temporal has accepted the start. Rejects for bugs alone.
 */
export function createAcceptMessage(
  dependencies: TurnStarter & {
    pool: pg.Pool;
    limits: TurnLimits;
    redis: RedisClient;
    rateLimiter: RateLimiter;
    pace: Pace;
  },
): AcceptMessage {
  const { pool, redis, limits, rateLimiter, pace } = dependencies;
  const sealKeys = createSealKeys(pool);
  const inShareOf = createReachShare(pool);

  const start = async (input: HandleMessageInput, deadline: number): Promise<void> => {
    try {
      await startTurn(dependencies, input, { deadline });
    } catch (error) {
      const { tenantId, messageId } = input.message;
      await markStart(pool, tenantId, messageId, 'refused').catch(() => undefined);
      throw error;
    }
  };

  const enterAndStart = async (
    message: NewMessage,
    deadline: number,
    { giveBack, asRead, accepted }: Tally & { accepted: (tookMs: number) => void },
  ): Promise<IntakeOutcome> => {
    const { tenantId } = message;
    const entered = await inShareOf(message, deadline, enterTurn(pool, message));
    switch (entered.outcome) {
      case 'unknown-agent':
      case 'key-reused':
        return { kind: entered.outcome };
      case 'new':
      case 'repeated':
        break;
    }
    const { turn, agent, ahead } = entered;
    const isRepeated = entered.outcome === 'repeated';
    // One message counts once, and further deliveries of it as reads; one that was refused has not counted
    // so far. What is over counts as a message: at that limit nothing is looked up any more.
    if (isRepeated && turn.state !== 'refused') {
      const over = await reach('Redis', deadline, asRead());
      if (over) return { kind: 'rate-limited', isRepeat: true, ...over };
      giveBack();
    }
    // An ended turn is not started again, not even when Temporal has forgotten it.
    if (hasEnded(turn.state)) return { kind: 'accepted', turn };
    if (isRepeated) {
      const ended = await inShareOf(message, deadline, offerOrFindEnded(pool, tenantId, turn.messageId));
      if (ended) return { kind: 'accepted', turn: ended };
    }
    const inbound = toInbound(message, turn, await turnsToWaitFor(redis, message, ahead, deadline));
    const key = await inShareOf(message, deadline, sealKeys(tenantId));
    if (!key) return { kind: 'unknown-agent' };
    const seals = sealTurn(key, inbound, agent);
    const offeredAt = performance.now();
    await reach('Temporal', deadline, start({ message: inbound, agent, limits, seals }, deadline));
    // A repeated delivery may do less than a first one, or wait for it.
    if (!isRepeated) accepted(entered.tookMs + performance.now() - offeredAt);
    // Another delivery may have given up in the meantime and marked as refused what runs now.
    if (isRepeated) await markStart(pool, tenantId, turn.messageId, 'accepted').catch(() => undefined);
    return { kind: 'accepted', turn: { ...turn, state: 'accepted' } };
  };

  return async (message, { deadline = Date.now() + ACCEPT_WITHIN_MS } = {}) => {
    const tally = tallyOf(rateLimiter, message);
    // A message that was taken before is not a further one: its sender gets the first answer.
    const wasTaken = async (): Promise<boolean> =>
      message.dedupeKey !== undefined && !(await tally.asRead()) && isEntered(pool, message);
    try {
      const limited = await inShareOf(message, deadline, tally.counted);
      if (limited && !(await inShareOf(message, deadline, wasTaken()))) {
        return { kind: 'rate-limited', ...limited };
      }
      const outcome = await atPace(pace, message, deadline, (accepted) =>
        enterAndStart(message, deadline, { ...tally, accepted }),
      );
      if (outcome.kind === 'over-share') tally.giveBack();
      return outcome;
    } catch (error) {
      // A message that was not taken doesn't count, whatever came in its way: its sender comes again.
      tally.giveBack();
      const setback = setbackOf(error);
      if (!setback) throw error;
      return setback;
    }
  };
}

/** How one delivery counts. */
type Tally = {
  /** As a message. */
  counted: Promise<RateLimited>;
  /** Not as a message after all. */
  giveBack: () => void;
  /** As a read, once. */
  asRead: () => Promise<RateLimited>;
};

/** Counts a delivery as a message. */
function tallyOf(rateLimiter: RateLimiter, { tenantId, userId }: NewMessage): Tally {
  const counted = rateLimiter.count(tenantId, userId);
  let isKept = true;
  let read: Promise<RateLimited> | undefined;
  return {
    counted,
    giveBack() {
      if (!isKept) return;
      isKept = false;
      counted
        .then(async (limited) => {
          if (!limited) await rateLimiter.uncount(tenantId, userId);
        })
        .catch(() => undefined);
    },
    asRead: () => (read ??= rateLimiter.countRead(tenantId)),
  };
}

/**
 * Notes that a turn's start is sent again, or gives the turn when it has ended meanwhile: the start of one
 * that is erased would bring its words back.
 */
async function offerOrFindEnded(
  pool: pg.Pool,
  tenantId: string,
  messageId: string,
): Promise<LedgerTurn | undefined> {
  if (await markStart(pool, tenantId, messageId, 'accepted')) return undefined;
  return findTurn(pool, tenantId, messageId);
}

/**
 * None when the last of the turns ahead stands in the window: its reply has been seen, and it waits for
 * nothing but being remembered. Otherwise the workflow has to ask Temporal which of them still run. While an
 * erasure is ahead it asks in any case: a turn in the window may have gone on before the erasure was done.
 */
async function turnsToWaitFor(
  redis: RedisClient,
  scope: Scope,
  ahead: TurnsAhead,
  deadline: number,
): Promise<number> {
  if (ahead.count === 0 || ahead.newestSeq === null) return ahead.count;
  const waitMs = Math.min(deadline - Date.now(), INTAKE_REDIS_WITHIN_MS);
  const answered = await within(waitMs, newestSeq(redis, scope)).catch(() => undefined);
  return answered === ahead.newestSeq ? 0 : ahead.count;
}

/** As the ledger has it: a repeated delivery keeps the first one's number and time. */
function toInbound(message: NewMessage, turn: LedgerTurn, turnsAhead: number): InboundMessage {
  return {
    tenantId: message.tenantId,
    agentId: turn.agentId,
    userId: turn.userId,
    messageId: turn.messageId,
    channel: message.channel,
    ...(message.threadId !== undefined && { threadId: message.threadId }),
    ...(message.userName !== undefined && { userName: message.userName }),
    text: message.text,
    ...(message.background !== undefined && { background: message.background }),
    receivedAt: turn.receivedAt.toISOString(),
    seq: turn.seq,
    turnsAhead,
  };
}
