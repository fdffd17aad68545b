import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { enterTurn, isEntered, markStart, type LedgerTurn, type TurnsAhead } from '../db/ledger.ts';
import type { Agent } from '../domain/agent.ts';
import type { Channel, InboundMessage, Scope } from '../domain/conversation.ts';
import { handleMessageWorkflowId } from '../domain/ids.ts';
import type { TurnLimits } from '../domain/turn.ts';
import type { HandleMessage } from '../workflows/handle-message.ts';
import { newestSeq } from '../memory/window/window.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { isOutage, keyReused, notFound, tooManyMessages } from '../api/problems.ts';
import { turnWorkflowOptions } from './start-turn.ts';
import { ANSWER_WITHIN_MS, within } from '../lib/within.ts';

/** A verified and validated message, from whatever channel. */
export type NewMessage = Scope & {
  channel: Channel;
  text: string;
  threadId: string | undefined;
  /** What the user is called, where the channel knows. */
  userName?: string | undefined;
  /** Recognises a repeated delivery; unique within the tenant. */
  dedupeKey: string | undefined;
  /** See `enterTurn`. */
  fingerprint?: string;
};

/** Without Redis the order is kept all the same, by a longer way. */
const REDIS_WITHIN_MS = 250;

/** `deadline` (epoch ms) is for callers that have spent some of the two seconds themselves. */
export type AcceptMessage = (message: NewMessage, options?: { deadline?: number }) => Promise<LedgerTurn>;

/**
 * Makes the one way in: enters the message in the ledger and starts its workflow, or finds that both were
 * done before. Resolves only after Temporal has accepted the start. Throws a 404, 422, 429 or 503 Problem.
 */
export function createAcceptMessage(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  eagerStarter?: Client | undefined;
  limits: TurnLimits;
  redis: Redis;
  rateLimiter: RateLimiter;
}): AcceptMessage {
  const { pool, redis, temporal, eagerStarter: starter = temporal, limits, rateLimiter } = dependencies;

  const startWorkflow = async (message: InboundMessage, agent: Agent, deadline: number): Promise<void> => {
    const { tenantId, messageId } = message;
    try {
      await starter.withDeadline(deadline, () =>
        starter.workflow.start<typeof HandleMessage>('HandleMessage', {
          workflowId: handleMessageWorkflowId(tenantId, messageId),
          args: [{ message, agent, limits }],
          ...turnWorkflowOptions(message),
          requestEagerStart: starter !== temporal,
          // One message, one workflow, also after it has ended.
          workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
          staticSummary: `${message.userId} → ${agent.name} (${message.channel.type}, turn ${message.seq})`,
        }),
      );
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return;
      await markStart(pool, tenantId, messageId, 'refused').catch(() => undefined);
      throw new Error('Temporal did not accept the start', { cause: error });
    }
  };

  const enterAndStart = async (message: NewMessage, deadline: number): Promise<LedgerTurn> => {
    const entered = await within(deadline, 'The database', enterTurn(pool, message));
    switch (entered.outcome) {
      case 'unknown-agent':
        throw notFound('agent');
      case 'key-reused':
        throw keyReused();
      case 'new':
      case 'repeated':
        break;
    }
    const { turn, agent, ahead } = entered;
    // What has ended is not started again, not even when Temporal has forgotten it.
    if (turn.state === 'done' || turn.state === 'failed') return turn;
    if (entered.outcome === 'repeated') {
      await within(deadline, 'The database', markStart(pool, message.tenantId, turn.messageId, 'accepted'));
    }
    const inbound = toInbound(message, turn, await turnsToWaitFor(redis, message, ahead, deadline));
    await within(deadline, 'Temporal', startWorkflow(inbound, agent, deadline));
    if (entered.outcome === 'repeated') {
      // Another delivery may have given up in the meantime and called refused what runs now.
      await markStart(pool, message.tenantId, turn.messageId, 'accepted').catch(() => undefined);
    }
    return turn;
  };

  return async (message, options = {}) => {
    const deadline = options.deadline ?? Date.now() + ANSWER_WITHIN_MS;
    const counted = rateLimiter.count(message.tenantId, message.userId);
    try {
      const limited = await within(deadline, 'The database', counted);
      // A message that was taken before is not a further one: its sender gets the first answer.
      if (limited && !(await within(deadline, 'The database', isEntered(pool, message)))) {
        throw tooManyMessages(limited);
      }
      return await enterAndStart(message, deadline);
    } catch (error) {
      // What we can't take doesn't count: a sender who does as it is told would be refused for our outage.
      if (isOutage(error)) {
        void counted.then(async (limited) => {
          if (!limited) await rateLimiter.uncount(message.tenantId, message.userId);
        });
      }
      throw error;
    }
  };
}

/**
 * None when the last of the turns ahead stands in the window: its reply has been seen, and it waits for nothing but being
 * remembered, which takes seconds while replies go first (or for another attempt, if its worker died that moment). Otherwise the workflow has to ask Temporal what still runs.
 */
async function turnsToWaitFor(
  redis: Redis,
  scope: Scope,
  ahead: TurnsAhead,
  deadline: number,
): Promise<number> {
  if (ahead.count === 0) return 0;
  const until = Math.min(deadline, Date.now() + REDIS_WITHIN_MS);
  const answered = await within(until, 'Redis', newestSeq(redis, scope)).catch(() => undefined);
  return answered === ahead.newestSeq ? 0 : ahead.count;
}

/** As the ledger has it: of a repeated delivery the first one's number and time. */
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
    receivedAt: turn.receivedAt.toISOString(),
    seq: turn.seq,
    turnsAhead,
  };
}
