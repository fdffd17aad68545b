import type pg from 'pg';
import { isBeingForgotten } from '../../db/open-erasures.ts';
import type { RecallSettings } from '../../domain/agent.ts';
import type { InboundMessage, Recollection } from '../../domain/conversation.ts';
import { keptOfWindow } from '../../domain/prompt.ts';
import { MEMORY_WITHIN_MS } from '../../domain/timing.ts';
import type { GatheredContext, Missing, RecallReceipt } from '../../domain/turn.ts';
import type { FairPlaces } from '../../lib/fair-places.ts';
import { within } from '../../lib/within.ts';
import type { RedisClient } from '../../redis/connection.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { encodeEmbedding } from '../embedding/embedding-codec.ts';
import { getWindow } from '../window/window.ts';
import { recallForTurn } from './recall-for-turn.ts';
import { embedQuestion, type QuestionEmbeddings } from './question-embeddings.ts';
import { timeToCompare } from './time-to-compare.ts';

/** The look-ups, and how each is called in the timings. */
const TIMING_OF = { window: 'window', embedding: 'embed', recall: 'recall' } as const;

export type GatherInput = {
  message: InboundMessage;
  recall: RecallSettings;
  /** The agent's display name. */
  agentName: string;
  /** The prompt's room beside the message (see `promptRoom`); what a turn may carry when left out. */
  roomTokens?: number;
};

/** Looks up what memory holds for a message, until `stopped` is aborted: nobody waits for it any more. */
export type Gather = (input: GatherInput, stopped?: AbortSignal) => Promise<GatheredContext>;

/**
 * Makes the look-up of a process. The window and what is recalled by the message's embedding are read side by
 * side, and together take `withinMs` at most: what a turn may be held for, unless given. A look-up that fails
 * or is too slow is named in `missing`; nothing is thrown. Of the window only what the prompt will show is
 * given: all of it goes into the workflow's history, with every message anew. Nothing of either is given
 * while an erasure before the message has not emptied them, which it waits for no longer than for any turn,
 * nor while it can't be found out whether one has.
 */
export function createGather(
  dependencies: { pool: pg.Pool; redis: RedisClient; embedder: Pick<Embedder, 'embed'> },
  places: FairPlaces,
  withinMs = MEMORY_WITHIN_MS,
): Gather {
  const { pool, redis, embedder } = dependencies;
  return async ({ message, recall, agentName, roomTokens = Number.POSITIVE_INFINITY }, stopped) => {
    const missing: Missing[] = [];
    const timingsMs = { window: 0, embed: 0, recall: 0 };
    const deadline = performance.now() + withinMs;

    /** What a look-up finds, or `otherwise` when it fails or is too slow. */
    const bounded = async <T, O>(name: keyof typeof TIMING_OF, lookUp: Promise<T>, otherwise: O) => {
      const started = performance.now();
      try {
        return await within(deadline - started, lookUp);
      } catch {
        missing.push(name);
        return otherwise;
      } finally {
        timingsMs[TIMING_OF[name]] = Math.round((performance.now() - started) * 10) / 10;
      }
    };
    const speakers = { user: message.userName, agent: agentName };
    const forgetting = message.turnsAhead > 0 ? isBeingForgotten(pool, message) : Promise.resolve(false);
    const late = AbortSignal.timeout(withinMs);
    const signal = stopped ? AbortSignal.any([late, stopped]) : late;
    const recallBy = async (embeddings: QuestionEmbeddings) => {
      if (await forgetting) return null;
      const window = await windowRead;
      return places(message, signal, () => {
        const hasTime = timeToCompare(signal, deadline);
        const turn = { message, agentName, settings: recall, roomTokens, hasTime, signal, window };
        return recallForTurn(pool, { ...turn, ...embeddings });
      });
    };

    const readWindow = async () => ((await forgetting) ? [] : getWindow(redis, message));
    const windowRead = bounded('window', readWindow(), []);
    const { tenantId, userId } = message;
    const embed = (text: string) => embedder.embed(text, { tenantId, userId, priority: 'query', signal });
    const question = embedQuestion(message.text, recall.topK > 0 ? speakers : {}, embed);
    const embedded = await bounded('embedding', question, null);
    const recollection = embedded && (await bounded('recall', recallBy(embedded), null));
    if (embedded === null) missing.push('recall');
    const window = await windowRead;
    const recalled = recollection?.recalled ?? [];
    const droppedFromWindow = window.length - keptOfWindow(roomTokens, window, recalled, speakers);
    return {
      window: window.slice(droppedFromWindow).map(({ role, content }) => ({ role, content })),
      ...(droppedFromWindow > 0 && { droppedFromWindow }),
      recalled,
      ...(recollection && recall.topK > 0 && { receipt: receiptOf(recollection, recall) }),
      embedding: embedded && encodeEmbedding(embedded.embedding),
      ...(embedded?.inFirstPerson && { inFirstPerson: encodeEmbedding(embedded.inFirstPerson) }),
      missing,
      timingsMs,
    };
  };
}

function receiptOf(found: Recollection, { threshold }: RecallSettings): RecallReceipt {
  const { match, nearestMiss, comparedNewest } = found;
  return { match, threshold, nearestMiss, ...(comparedNewest !== undefined && { comparedNewest }) };
}
