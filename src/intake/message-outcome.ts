import type { Client } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import type pg from 'pg';
import type { LedgerTurn } from '../db/ledger.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import { APOLOGY, REPLY_NOT_KEPT } from '../domain/words.ts';
import { notesOf } from '../domain/turn-result.ts';
import type { AnswerNotes, Missing, TurnResult } from '../domain/turn.ts';
import { findExchange } from '../memory/long-term/memories.ts';
import type { HandleMessage } from '../workflows/handle-message.ts';
import { refusalBehind } from '../temporal/payload-codec.ts';
import { isTemporalAway } from '../temporal/outage.ts';
import { createResultWaits } from '../temporal/result-waits.ts';
import { statusOf } from '../temporal/status.ts';
import { settleTurn } from './settle-turn.ts';

/** How far a message has come. */
export type MessageOutcome =
  | { state: 'accepted' }
  | { state: 'refused' }
  /** Nothing of it is kept. */
  | { state: 'erased' }
  | {
      state: 'done';
      reply: { text: string };
      /** Present when the reply reached its length limit. */
      cutOff?: true;
      memory: TurnResult['memory'] | null;
      missing: Missing[];
      /** Who answered, and what it took; absent when Temporal has forgotten it. */
      answer?: Omit<AnswerNotes, 'cutOff'> & Pick<TurnResult, 'model' | 'usage' | 'timingsMs'>;
    }
  | { state: 'failed'; reply: { text: string } };

type Dependencies = { pool: pg.Pool; temporal: Client };

/**
 * Waits for a message's reply for at most `waitMs` (0: only looks). Temporal keeps results for its
 * retention; after that the reply is read from memory, without the receipt, until it is swept there too.
 */
export async function outcomeOf(
  { pool, temporal }: Dependencies,
  tenantId: string,
  turn: LedgerTurn,
  options: { waitMs: number; signal?: AbortSignal },
): Promise<MessageOutcome> {
  if (turn.state === 'erased') return { state: 'erased' };
  try {
    if (options.waitMs === 0) {
      const deadline = Date.now() + ACCEPT_WITHIN_MS;
      const status = await temporal.withDeadline(deadline, () => statusOf(temporal, turn.workflowId));
      if (status === 'RUNNING') return { state: 'accepted' };
    }
    const result = await resultWithin(temporal, { tenantId, workflowId: turn.workflowId }, options);
    if (result === undefined) return { state: 'accepted' };
    const { reply, cutOff, memory, missing, model, usage, timingsMs } = result;
    const { cutOff: _, ...notes } = notesOf(result);
    const answer = { model, usage, timingsMs, ...notes };
    return { state: 'done', reply, ...(cutOff && { cutOff }), memory, missing, answer };
  } catch (error) {
    if (error instanceof WorkflowFailedError) {
      const state = await settle({ pool, temporal }, tenantId, turn);
      if (state === 'failed') return { state, reply: { text: apologyOf(error) } };
      // Ended from outside when its reply was there already.
      return outcomeWithoutTemporal(pool, tenantId, { ...turn, state });
    }
    // Forgotten, unreadable, or nobody to ask: then the ledger's word counts. The message is accepted all the
    // same, and an error would make its sender send it again.
    if (error instanceof WorkflowNotFoundError || isTemporalAway(error) || refusalBehind(error))
      return outcomeWithoutTemporal(pool, tenantId, {
        ...turn,
        state: await settle({ pool, temporal }, tenantId, turn),
      });
    throw error;
  }
}

/** What the ledger says once it knows what Temporal does; as it is while Temporal is away or unreadable. */
async function settle({ pool, temporal }: Dependencies, tenantId: string, turn: LedgerTurn) {
  const deadline = Date.now() + ACCEPT_WITHIN_MS;
  try {
    return await temporal.withDeadline(deadline, () => settleTurn({ pool, temporal }, tenantId, turn));
  } catch (error) {
    if (isTemporalAway(error) || refusalBehind(error)) return turn.state;
    throw error;
  }
}

const waitForTurn = createResultWaits<typeof HandleMessage>();

/** A turn's result, waited for at most `waitMs`; undefined when it isn't there by then. */
async function resultWithin(
  temporal: Client,
  of: { tenantId: string; workflowId: string },
  { waitMs, signal }: { waitMs: number; signal?: AbortSignal },
): Promise<TurnResult | undefined> {
  if (waitMs === 0) {
    const handle = temporal.workflow.getHandle<typeof HandleMessage>(of.workflowId);
    return temporal.withDeadline(Date.now() + ACCEPT_WITHIN_MS, () => handle.result());
  }
  const timeout = AbortSignal.timeout(waitMs);
  const stop = signal ? AbortSignal.any([timeout, signal]) : timeout;
  try {
    return await waitForTurn(temporal, of, stop);
  } catch (error) {
    if (stop.aborted) return undefined;
    throw error;
  }
}

async function outcomeWithoutTemporal(
  pool: pg.Pool,
  tenantId: string,
  turn: LedgerTurn,
): Promise<MessageOutcome> {
  switch (turn.state) {
    case 'failed':
      return { state: 'failed', reply: { text: APOLOGY } };
    case 'accepted':
    case 'refused':
    case 'erased':
      return { state: turn.state };
    case 'done': {
      const stored = await findExchange(pool, tenantId, turn.messageId);
      const reply = stored.find(({ role }) => role === 'assistant');
      return { state: 'done', reply: { text: reply?.content ?? REPLY_NOT_KEPT }, memory: null, missing: [] };
    }
  }
}

function apologyOf(error: WorkflowFailedError): string {
  if (error.cause instanceof ApplicationFailure) {
    const details = error.cause.details?.[0] as { reply?: { text?: unknown } } | undefined;
    if (typeof details?.reply?.text === 'string') return details.reply.text;
  }
  return APOLOGY;
}
