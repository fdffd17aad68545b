import type { RecallSettings } from '../domain/agent.ts';
import type { InboundMessage, Recollection } from '../domain/conversation.ts';
import type { GatheredContext, Missing, RecallReceipt } from '../domain/turn.ts';
import { encodeEmbedding } from '../memory/embedding-codec.ts';
import { recall as recallFor } from '../memory/recall.ts';
import { getWindow, type Window } from '../memory/short-term.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** How long a reply waits for memory, all in all. */
const MEMORY_BOUND_MS = 2_000;

const EMPTY_WINDOW: Window = { messages: [], messageIds: [] };

export function createGatherContext(dependencies: Pick<ActivityDependencies, 'pool' | 'redis' | 'embedder'>) {
  const { pool, redis, embedder } = dependencies;
  return {
    /**
     * What memory holds for a message: the window, and what is recalled by the message's embedding. The
     * two are read side by side; neither holds the reply for more than 2 s, and what failed or was too
     * slow is named in `missing`, never thrown.
     */
    async gatherContext(input: {
      message: InboundMessage;
      recall: RecallSettings;
      /** The agent's display name. */
      agentName: string;
    }): Promise<GatheredContext> {
      const { message, recall, agentName } = input;
      const missing: Missing[] = [];
      const timingsMs = { window: 0, embed: 0, recall: 0 };
      const deadline = createDeadline(MEMORY_BOUND_MS);
      /** The step's result, or `otherwise` when it failed or was too slow. */
      const bounded = async <T, O>(name: Missing & keyof Names, step: Promise<T>, otherwise: O) => {
        const started = performance.now();
        try {
          return await Promise.race([step, deadline.passed]);
        } catch {
          missing.push(name);
          return otherwise;
        } finally {
          timingsMs[TIMING_OF[name]] = Math.round((performance.now() - started) * 10) / 10;
        }
      };
      try {
        const windowRead = bounded('window', getWindow(redis, message), EMPTY_WINDOW);
        const embedding = await bounded('embedding', embedder.embed(message.text, 'query'), null);
        const recollection =
          embedding === null
            ? (missing.push('recall'), null)
            : await bounded('recall', recallBeside(windowRead, embedding), null);
        const window = await windowRead;
        return {
          window: window.messages,
          recalled: recollection?.recalled ?? [],
          ...(recollection && recall.topK > 0 && { receipt: receiptOf(recollection, recall) }),
          embedding: embedding && encodeEmbedding(embedding),
          missing,
          timingsMs,
        };
      } finally {
        deadline.clear();
      }

      async function recallBeside(windowRead: Promise<Window>, embedding: Float32Array) {
        const { messages, messageIds } = await windowRead;
        const query = {
          text: message.text,
          embedding: [...embedding],
          askedAt: new Date(message.receivedAt),
          speakers: message.userName ? [message.userName, agentName] : [agentName],
          exclude: messageIds,
          shown: messages,
        };
        return recallFor(pool, message, query, recall);
      }
    },
  };
}

type Names = { window: true; embedding: true; recall: true };
const TIMING_OF = { window: 'window', embedding: 'embed', recall: 'recall' } as const;

function receiptOf({ match, nearestMiss }: Recollection, { threshold }: RecallSettings): RecallReceipt {
  return { match, threshold, nearestMiss };
}

function createDeadline(ms: number): { passed: Promise<never>; clear: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms);
  });
  passed.catch(() => undefined);
  return { passed, clear: () => clearTimeout(timer) };
}
