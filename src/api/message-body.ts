import type { z } from 'zod';
import type { LedgerTurn } from '../db/ledger.ts';
import type { MessageOutcome } from '../intake/message-outcome.ts';
import type { MESSAGE } from './answers.ts';

/** What the API says of a message. */
export function bodyOf(
  { messageId, workflowId }: LedgerTurn,
  outcome: MessageOutcome,
): z.input<typeof MESSAGE.schema> {
  switch (outcome.state) {
    case 'done':
    case 'failed':
      return { messageId, workflowId, ...outcome };
    case 'erased':
    case 'accepted':
    case 'refused':
      return { messageId, workflowId, state: outcome.state };
  }
}
