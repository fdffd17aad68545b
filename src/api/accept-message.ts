import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type pg from 'pg';
import { enterTurn, markStart, type LedgerTurn } from '../db/ledger.ts';
import type { Agent } from '../domain/agent.ts';
import type { Channel, InboundMessage, Scope } from '../domain/conversation.ts';
import type { TurnLimits } from '../domain/turn.ts';
import { REPLY_TASK_QUEUE } from '../temporal/names.ts';
import { searchAttributesOf } from '../temporal/search-attributes.ts';
import type { HandleMessage } from '../workflows/handle-message.ts';
import { notFound, Problem, unavailable } from './problems.ts';

/** A verified and validated message, from whatever channel. */
export type NewMessage = Scope & {
  channel: Channel;
  text: string;
  threadId: string | undefined;
  /** Recognises a repeated delivery; unique within the tenant. */
  dedupeKey: string | undefined;
  /** See `enterTurn`. */
  fingerprint?: string;
};

/** `deadline` (epoch ms) is for callers that have spent some of the two seconds themselves. */
export type AcceptMessage = (message: NewMessage, options?: { deadline?: number }) => Promise<LedgerTurn>;

/** From its arrival to Temporal's word: longer than this and the sender is told to try again. */
export const ACCEPT_WITHIN_MS = 2_000;

/**
 * Makes the one way in: enters the message in the ledger and starts its workflow, or finds that both were
 * done before. Resolves only after Temporal has accepted the start. Throws a 404, 422 or 503 Problem.
 */
export function createAcceptMessage(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  limits: TurnLimits;
}): AcceptMessage {
  const { pool, temporal, limits } = dependencies;

  const startWorkflow = async (message: InboundMessage, agent: Agent, deadline: number): Promise<void> => {
    const { tenantId, messageId } = message;
    try {
      await temporal.withDeadline(deadline, () =>
        temporal.workflow.start<typeof HandleMessage>('HandleMessage', {
          workflowId: `${tenantId}:message:${messageId}`,
          args: [{ message, agent, limits }],
          taskQueue: REPLY_TASK_QUEUE,
          // One message, one workflow, also after it has ended.
          workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
          typedSearchAttributes: searchAttributesOf(message),
          staticSummary: `${message.userId} → ${agent.name} (${message.channel.type}, turn ${message.seq})`,
        }),
      );
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return;
      await markStart(pool, tenantId, messageId, 'refused').catch(() => undefined);
      throw new Error('Temporal did not accept the start', { cause: error });
    }
  };

  return async (message, options = {}) => {
    const deadline = options.deadline ?? Date.now() + ACCEPT_WITHIN_MS;
    const entered = await within(deadline, 'The database', enterTurn(pool, message));
    switch (entered.outcome) {
      case 'unknown-agent':
        throw notFound('agent');
      case 'key-reused':
        throw new Problem(
          422,
          'Idempotency key reused',
          'Idempotency-Key was used before with another request: use a new key for a new message.',
          {
            members: {
              errors: [{ field: 'Idempotency-Key', problem: 'was used before with another request' }],
            },
          },
        );
      case 'new':
      case 'repeated':
        break;
    }
    const { turn, agent, turnsAhead } = entered;
    // What has ended is not started again, not even when Temporal has forgotten it.
    if (turn.state === 'done' || turn.state === 'failed') return turn;
    if (turn.state === 'refused') {
      await within(deadline, 'The database', markStart(pool, message.tenantId, turn.messageId, 'accepted'));
    }
    const inbound: InboundMessage = {
      tenantId: message.tenantId,
      agentId: turn.agentId,
      userId: turn.userId,
      messageId: turn.messageId,
      channel: message.channel,
      ...(message.threadId !== undefined && { threadId: message.threadId }),
      text: message.text,
      receivedAt: turn.receivedAt.toISOString(),
      seq: turn.seq,
      turnsAhead,
    };
    await within(deadline, 'Temporal', startWorkflow(inbound, agent, deadline));
    return turn;
  };
}

async function within<T>(deadline: number, service: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(service)), Math.max(0, deadline - Date.now()));
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    if (error instanceof Problem || service === 'The database') throw error;
    throw unavailable(service);
  } finally {
    clearTimeout(timer);
    // Whoever loses the race may still fail later; nobody is left to hear it.
    work.catch(() => undefined);
  }
}
