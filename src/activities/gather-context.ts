import type { RecallSettings } from '../domain/agent.ts';
import type { InboundMessage, Recollection } from '../domain/conversation.ts';
import type { GatheredContext, Missing, RecallReceipt } from '../domain/turn.ts';
import { encodeEmbedding } from '../memory/embedding/embedding-codec.ts';
import { recallForTurn } from '../memory/recall/recall-for-turn.ts';
import { getWindow } from '../memory/window/window.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** How long a reply waits for memory, all in all. */
const MEMORY_BOUND_MS = 2_000;

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
      /** What the prompt has room for beside the message (see `promptRoom`); all of the window when left out. */
      roomTokens?: number;
    }): Promise<GatheredContext> {
      const { message, recall, agentName, roomTokens = Number.POSITIVE_INFINITY } = input;
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
        const windowRead = bounded('window', getWindow(redis, message), []);
        const recallWith = async (embedding: Float32Array) =>
          recallForTurn(pool, {
            message,
            agentName,
            settings: recall,
            roomTokens,
            window: await windowRead,
            embedding,
          });
        const embedding = await bounded('embedding', embedder.embed(message.text, 'query'), null);
        const recollection =
          embedding === null
            ? (missing.push('recall'), null)
            : await bounded('recall', recallWith(embedding), null);
        const window = await windowRead;
        return {
          window: window.map(({ role, content }) => ({ role, content })),
          recalled: recollection?.recalled ?? [],
          ...(recollection && recall.topK > 0 && { receipt: receiptOf(recollection, recall) }),
          embedding: embedding && encodeEmbedding(embedding),
          missing,
          timingsMs,
        };
      } finally {
        deadline.clear();
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
