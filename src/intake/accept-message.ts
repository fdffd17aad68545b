import type { Client } from '@temporalio/client';
import type { RedisClient } from '../redis/connection.ts';
import type pg from 'pg';
import { enterTurn, isEntered, markStart, type LedgerTurn, type TurnsAhead } from '../db/ledger.ts';
import type { InboundMessage, Scope } from '../domain/conversation.ts';
import { ACCEPT_WITHIN_MS, INTAKE_REDIS_WITHIN_MS } from '../domain/timing.ts';
import type { HandleMessageInput, TurnLimits } from '../domain/turn.ts';
import { within } from '../lib/within.ts';
import { newestSeq } from '../memory/window/window.ts';
import { outageOf, reach } from './availability.ts';
import type { IntakeOutcome, NewMessage } from './outcomes.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { startTurn } from './start-turn.ts';

/** `deadline` (epoch ms) is for callers that have spent some of the two seconds themselves. */
export type AcceptMessage = (message: NewMessage, options?: { deadline?: number }) => Promise<IntakeOutcome>;

/**
 * Makes the one way in: enters the message in the ledger and starts its workflow, or finds that both were
 * done before. `accepted` means that Temporal has accepted the start. Rejects for bugs alone.
 */
export function createAcceptMessage(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  limits: TurnLimits;
  redis: RedisClient;
  rateLimiter: RateLimiter;
}): AcceptMessage {
  const { pool, redis, temporal, limits, rateLimiter } = dependencies;

  const start = async (input: HandleMessageInput, deadline: number): Promise<void> => {
    try {
      await startTurn(temporal, input, { deadline });
    } catch (error) {
      const { tenantId, messageId } = input.message;
      await markStart(pool, tenantId, messageId, 'refused').catch(() => undefined);
      throw error;
    }
  };

  const enterAndStart = async (message: NewMessage, deadline: number): Promise<IntakeOutcome> => {
    const { tenantId } = message;
    const entered = await reach('The database', deadline, enterTurn(pool, message));
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
    // An ended turn is not started again, not even when Temporal has forgotten it.
    if (turn.state === 'done' || turn.state === 'failed') return { kind: 'accepted', turn };
    if (isRepeated) {
      await reach('The database', deadline, markStart(pool, tenantId, turn.messageId, 'accepted'));
    }
    const inbound = toInbound(message, turn, await turnsToWaitFor(redis, message, ahead, deadline));
    await reach('Temporal', deadline, start({ message: inbound, agent, limits }, deadline));
    if (isRepeated) {
      // Another delivery may have given up in the meantime and marked as refused what runs now.
      await markStart(pool, tenantId, turn.messageId, 'accepted').catch(() => undefined);
    }
    return { kind: 'accepted', turn };
  };

  return async (message, options = {}) => {
    const deadline = options.deadline ?? Date.now() + ACCEPT_WITHIN_MS;
    const counted = rateLimiter.count(message.tenantId, message.userId);
    try {
      const limited = await reach('The database', deadline, counted);
      // A message that was taken before is not a further one: its sender gets the first answer.
      if (limited && !(await reach('The database', deadline, isEntered(pool, message)))) {
        return { kind: 'rate-limited', ...limited };
      }
      return await enterAndStart(message, deadline);
    } catch (error) {
      const outage = outageOf(error);
      if (!outage) throw error;
      // A message that was not taken doesn't count: its sender comes again, as told.
      void counted.then(async (limited) => {
        if (!limited) await rateLimiter.uncount(message.tenantId, message.userId);
      });
      return outage;
    }
  };
}

/**
 * None when the last of the turns ahead stands in the window: its reply has been seen, and it waits for
 * nothing but being remembered. Otherwise the workflow has to ask Temporal which of them still run.
 */
async function turnsToWaitFor(
  redis: RedisClient,
  scope: Scope,
  ahead: TurnsAhead,
  deadline: number,
): Promise<number> {
  if (ahead.count === 0) return 0;
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
