import { createSealKeys } from '../db/seal-keys.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import { shownReply } from '../domain/shown-reply.ts';
import type { GatheredContext, TurnAnswer } from '../domain/turn.ts';
import { createAcceptedOnly, type Seal } from './accepted-only.ts';
import { createAppendTurn } from './append-turn.ts';
import { createGatherContext } from './gather-context.ts';
import { createAnswerTurn } from './answer-turn.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createFindTurnBefore } from './find-turn-before.ts';
import { createDeliverReply } from './deliver-reply.ts';
import { createImportMemory } from './import-memory.ts';
import { createReindex } from './reindex.ts';
import { createRemoveTenant } from './remove-tenant.ts';
import { ERASURE_CHANNEL } from '../domain/erasure.ts';
import { createForget } from './forget.ts';
import { createStoreTurn } from './store-turn.ts';
import { createSweepRetention } from './sweep-retention.ts';

export type Activities = ReturnType<typeof createActivities>;

/**
 * All activities of both workers, each with what it does not take on trust. Those that cost money or speak to
 * people also ask the ledger whether their turn still waits for a reply, and those that remember whether it
 * is to be kept. Those of no turn take nothing but ids: what they do, the database says.
 */
export function createActivities(dependencies: ActivityDependencies) {
  const { pool } = dependencies;
  const sealKeys = createSealKeys(pool);
  const acceptedOnly = createAcceptedOnly({ pool, sealKeys });
  const { findTurnBefore } = createFindTurnBefore({ ...dependencies, sealKeys });
  const { gatherContext } = createGatherContext(dependencies);
  const { answerTurn } = createAnswerTurn(dependencies);
  const { showProgress, deliverReply } = createDeliverReply(dependencies);
  const { appendTurnToWindow, appendOwedTurn } = createAppendTurn(dependencies);
  const { storeTurn, recordFailedTurn } = createStoreTurn(dependencies);
  const forget = createForget(dependencies);
  const isErasure = ({ message }: { message: InboundMessage }) => ({ message, channel: ERASURE_CHANNEL });
  const gatherAndSeal = async (
    input: Parameters<typeof gatherContext>[0],
    seal: Seal,
  ): Promise<GatheredContext> => {
    const context = await gatherContext(input);
    const { embedding } = context;
    return { ...context, ...(embedding && { seals: { embedding: seal('embedding', embedding) } }) };
  };
  const answerAndSeal = async (input: Parameters<typeof answerTurn>[0], seal: Seal): Promise<TurnAnswer> => {
    const answer = await answerTurn(input);
    const shown = answer.cutOff && { shown: seal('shown', shownReply(answer)) };
    return { ...answer, seals: { reply: seal('reply', answer.text), ...shown } };
  };
  return {
    findTurnBefore: acceptedOnly(findTurnBefore, ({ message }) => ({ message })),
    gatherContext: acceptedOnly(gatherAndSeal, ({ message }) => ({ message })),
    answerTurn: acceptedOnly(
      answerAndSeal,
      ({ text, agent, messages, delivery }) => ({ text, agent, prompt: messages, turn: delivery?.turn }),
      'whileOpen',
    ),
    showProgress: acceptedOnly(showProgress, ({ turn }) => ({ turn }), 'whileOpen'),
    deliverReply: acceptedOnly(deliverReply, ({ turn, text }) => ({ turn, shown: text }), 'whileOpen'),
    appendTurnToWindow: acceptedOnly(
      appendTurnToWindow,
      ({ message, reply }) => ({ message, reply }),
      'whileKept',
    ),
    appendOwedTurn: acceptedOnly(appendOwedTurn, ({ message, reply }) => ({ message, reply }), 'whileKept'),
    // Asks the ledger itself, in the transaction that stores.
    storeTurn: acceptedOnly(storeTurn, ({ message, reply, embedding }) => ({ message, reply, embedding })),
    recordFailedTurn: acceptedOnly(recordFailedTurn, (ids) => ({ ids })),
    ...createImportMemory(dependencies),
    ...createSweepRetention(dependencies),
    ...createReindex(dependencies),
    ...createRemoveTenant(dependencies),
    forgetMemory: acceptedOnly(forget.forgetMemory, isErasure),
    forgetExecutions: acceptedOnly(forget.forgetExecutions, isErasure),
    forgetLedger: acceptedOnly(forget.forgetLedger, isErasure),
    finishErasure: acceptedOnly(forget.finishErasure, isErasure),
  };
}
