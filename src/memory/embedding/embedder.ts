import { Piscina } from 'piscina';
import { assertEmbedding } from '../../domain/embedding.ts';

/** Makes embeddings of texts: 384 numbers, mean-pooled and normalised. */
export type Embedder = {
  /**
   * A `query` is embedded before any waiting `backfill`. Rejects
   * with `EmbedderBusyError` when the queue is full.
   */
  embed(text: string, priority: 'query' | 'backfill'): Promise<Float32Array>;
  close(): Promise<void>;
};

/** The queue is full. The caller should try again later. */
export class EmbedderBusyError extends Error {
  override readonly name = 'EmbedderBusy';
}

type Waiting = {
  text: string;
  resolve: (embedding: Float32Array) => void;
  reject: (error: unknown) => void;
};

/** Texts embedded together, which saves processor time. A larger batch would delay the next query. */
const MAX_BATCH = 8;
const MAX_WAITING = 1_000;
/** A batch takes about 0.1 s. After this time the thread counts as stuck, and Piscina replaces it. */
const BATCH_TIMEOUT_MS = 20_000;

/**
 * Runs all-MiniLM-L6-v2 (fp32) in a thread of its own, since inference would
 * block the API or the workflows. Resolves when the model is loaded. Rejects,
 * and says which setting to change, when `modelsPath` has no model.
 */
export async function createEmbedder(options: { modelsPath: string }): Promise<Embedder> {
  const thread = new Piscina<string[], Float32Array[]>({
    filename: new URL('./embedder-thread.mjs', import.meta.url).href,
    workerData: options,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
  });
  const waiting = { query: [] as Waiting[], backfill: [] as Waiting[] };
  let busy = false;

  const nextBatch = (): Waiting[] =>
    (waiting.query.length > 0 ? waiting.query : waiting.backfill).splice(0, MAX_BATCH);

  const drain = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    for (let batch = nextBatch(); batch.length > 0; batch = nextBatch()) {
      try {
        const embeddings = await thread.run(
          batch.map(({ text }) => text),
          { signal: AbortSignal.timeout(BATCH_TIMEOUT_MS) },
        );
        batch.forEach(({ resolve, reject }, i) => {
          const embedding = embeddings[i];
          if (embedding) resolve(embedding);
          else reject(new Error('the embedding thread returned too few embeddings'));
        });
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    busy = false;
  };

  const embed: Embedder['embed'] = async (text, priority) => {
    if (waiting[priority].length >= MAX_WAITING) {
      throw new EmbedderBusyError(`the queue is full: ${MAX_WAITING} texts are waiting to be embedded`);
    }
    const embedding = await new Promise<Float32Array>((resolve, reject) => {
      waiting[priority].push({ text, resolve, reject });
      void drain();
    });
    assertEmbedding(embedding);
    return embedding;
  };

  try {
    await embed('ready', 'query');
  } catch (error) {
    await thread.destroy();
    throw new Error(
      `The embedding model could not be loaded from ${options.modelsPath}: set KONSTRUCT_MODELS to a folder ` +
        'with Xenova/all-MiniLM-L6-v2 (tokenizer.json, config.json, onnx/model.onnx), or use npm start, which downloads it.',
      { cause: error },
    );
  }
  return { embed, close: () => thread.destroy() };
}
