import { assertEmbedding, EMBEDDING_WIDTH } from '../../domain/embedding.ts';
import { unlessAborted } from '../../lib/within.ts';
import { countPieces, countWords } from '../text/words.ts';
import { cutForModel } from './cut-for-model.ts';
import { createFairQueue, type FairQueue, type Owner } from '../../lib/fair-queue.ts';
import { createModelProcess, ModelProcessLost, type ModelProcess, type PartedText } from './model-process.ts';

/** Makes embeddings of texts: 384 numbers, mean-pooled and normalised. */
export type Embedder = {
  /**
   * Of a long text, the beginning that the model reads. Rejects with `EmbedderBusyError` when too many of the
   * tenant's texts wait, and with the signal's reason as soon as it is aborted.
   */
  embed(text: string, request: EmbedRequest): Promise<Float32Array>;
  /**
   * Of a text in its parts, in one pass of the model: the text's embedding and each part's, which knows what
   * stands around it. A part without words has the text's. Of many parts that are longer than usual the model
   * reads the beginning of each.
   */
  embedParts(
    parts: readonly string[],
    request: EmbedRequest,
  ): Promise<{ whole: Float32Array; parts: Float32Array[] }>;
  close(): Promise<void>;
};

/**
 * A `query` is embedded before any waiting `backfill`, of which one batch has its turn after each second of
 * queries; among equals, tenants take turns, and then users.
 */
export type EmbedRequest = Owner & { priority: 'query' | 'backfill'; signal?: AbortSignal | undefined };

/** The tenant's share of the queue is full. The caller should try again later. */
export class EmbedderBusyError extends Error {
  override readonly name = 'EmbedderBusy';
}

type Waiting = PartedText & {
  pieces: number;
  signal: AbortSignal | undefined;
  resolve: (sums: Float32Array[]) => void;
  reject: (error: unknown) => void;
};

/** Texts embedded together, which saves processor time. A larger batch would delay the next query. */
const MAX_BATCH = 8;
/**
 * Word pieces of a batch, each text taken as long as the longest. The next query waits for a batch: with this
 * bound about as long as for the longest text that the model reads (0.15 s of a processor). Beyond short
 * texts a batch saves nothing.
 */
const MAX_BATCH_PIECES = 450;
const MAX_WAITING_PER_TENANT = 1_000;
/** Some 270 word pieces: the model was trained on texts of up to 256. */
const WINDOW_WORDS = 200;
/**
 * A second limit, in word pieces: of figures, of data and in most scripts each letter may be one. So one
 * window is one row of the model's, but for odd words.
 */
const WINDOW_PIECES = 450;
/**
 * What a text may cost: some three seconds of a processor. Each of the 48 parts that a message has at most
 * may be as long as what the model was trained on.
 */
const TEXT_TOKENS = 48 * 256;
/** Questions that come without an end leave others' memory a fifth of the model. */
const QUESTIONS_BEFORE_BACKFILL_MS = 1_000;
/** A batch takes about 0.1 s. After this time the process counts as stuck, and is replaced. */
const BATCH_TIMEOUT_MS = 20_000;

/**
 * Runs all-MiniLM-L6-v2 (fp32) in a process of its own: inference would block the API or the workflows, and a
 * process can be replaced. A batch that loses its process is tried once more, each text alone. Resolves when
 * the model is loaded. Rejects, and says which setting to change, when `modelsPath` has no model.
 */
export async function createEmbedder(options: {
  modelsPath: string;
  niceness?: number;
}): Promise<Embedder & { pid(): number | undefined }> {
  const { modelsPath, niceness = 0 } = options;
  const model = createModelProcess({ modelsPath, niceness, answerWithinMs: BATCH_TIMEOUT_MS });
  try {
    await model.run([{ parts: ['ready'], tokensEach: 1 }]);
  } catch (error) {
    await model.close();
    throw new Error(
      `The embedding model could not be loaded from ${modelsPath}: set KONSTRUCT_MODELS to a folder ` +
        'with Xenova/all-MiniLM-L6-v2 (tokenizer.json, config.json, onnx/model.onnx), or use npm start, which downloads it.',
      { cause: error },
    );
  }

  const read = readerOf(model);
  return {
    embed: async (text, request) =>
      mean(await read({ parts: [cutForModel(text)], tokensEach: TEXT_TOKENS }, request)),
    async embedParts(parts, request) {
      const tokensEach = Math.floor(TEXT_TOKENS / parts.length);
      const windows = windowsOf(parts.map(cutForModel)).map((own) => ({ parts: own, tokensEach }));
      const sums: Float32Array[][] = [];
      for (let from = 0; from < windows.length; from += MAX_BATCH)
        sums.push(
          ...(await Promise.all(
            windows.slice(from, from + MAX_BATCH).map((window) => read(window, request)),
          )),
        );
      const whole = mean(sums.flat());
      const own = sums.flatMap((window) => window.slice(0, -1));
      return { whole, parts: own.map((sum) => (sum.some(Boolean) ? mean([sum]) : whole)) };
    },
    pid: () => model.pid(),
    close: () => model.close(),
  };
}

/** Gives the model's sums over a window of a text, see `ModelProcess`: those who wait take turns. */
function readerOf(
  model: ModelProcess,
): (window: PartedText, request: EmbedRequest) => Promise<Float32Array[]> {
  const queues = { query: createFairQueue<Waiting>(), backfill: createFairQueue<Waiting>() };
  let isBusy = false;
  /** For how long the model has read queries while backfills waited. */
  let keptWaitingMs = 0;

  const nextQueue = () => {
    const isDue = keptWaitingMs >= QUESTIONS_BEFORE_BACKFILL_MS && queues.backfill.peek();
    return queues.query.peek() && !isDue ? queues.query : queues.backfill;
  };
  const nextBatch = (queue: FairQueue<Waiting>): Waiting[] => {
    const batch: Waiting[] = [];
    let longest = 0;
    for (let next = queue.peek(); next && batch.length < MAX_BATCH; next = queue.peek()) {
      if (!next.signal?.aborted) {
        longest = Math.max(longest, next.pieces);
        if (batch.length > 0 && longest * (batch.length + 1) > MAX_BATCH_PIECES) break;
        batch.push(next);
      }
      queue.take();
    }
    return batch;
  };

  const run = async (batch: readonly Waiting[]): Promise<void> => {
    const all = await model.run(batch.map(({ parts, tokensEach }) => ({ parts, tokensEach })));
    batch.forEach(({ parts, resolve, reject }, i) => {
      const sums = all[i];
      if (sums?.length === parts.length + 1) resolve(sums);
      else reject(new Error('the model returned too few embeddings'));
    });
  };

  const drain = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    while (queues.query.peek() ?? queues.backfill.peek()) {
      const queue = nextQueue();
      const batch = nextBatch(queue);
      if (batch.length === 0) continue;
      const since = performance.now();
      try {
        await run(batch);
      } catch (error) {
        if (error instanceof ModelProcessLost) {
          for (const waiting of batch) await run([waiting]).catch(waiting.reject);
        } else for (const { reject } of batch) reject(error);
      }
      const keepsWaiting = queue === queues.query && queues.backfill.peek();
      keptWaitingMs = keepsWaiting ? keptWaitingMs + performance.now() - since : 0;
    }
    isBusy = false;
  };

  return async (window, request) => {
    const { priority, signal, ...owner } = request;
    const queue = queues[priority];
    if (queue.waitingOf(owner.tenantId) >= MAX_WAITING_PER_TENANT) {
      throw new EmbedderBusyError(
        `the tenant's queue is full: ${MAX_WAITING_PER_TENANT} of its texts are waiting to be embedded`,
      );
    }
    const made = new Promise<Float32Array[]>((resolve, reject) => {
      const pieces = window.parts.reduce((sum, part) => sum + countPieces(part), 0);
      queue.push(owner, { ...window, pieces, signal, resolve, reject });
      void drain();
    });
    // Not when the text would have had its turn: the model may hang, and the caller's process end.
    return unlessAborted(made, signal);
  };
}

/** The direction of the mean over tokens, of sums over them. */
function mean(sums: readonly Float32Array[]): Float32Array {
  const sum = Float32Array.from({ length: EMBEDDING_WIDTH }, (_, i) =>
    sums.reduce((total, one) => total + (one[i] ?? 0), 0),
  );
  assertEmbedding(sum);
  const length = Math.hypot(...sum);
  return sum.map((value) => value / length);
}

/** Neighbouring parts that the model reads together: about as much as it was trained to read. */
function windowsOf(parts: readonly string[]): string[][] {
  const windows: string[][] = [];
  let [words, pieces] = [0, 0];
  for (const part of parts) {
    const own = { words: countWords(part), pieces: countPieces(part) };
    const window = windows.at(-1);
    words += own.words;
    pieces += own.pieces;
    if (window && words <= WINDOW_WORDS && pieces <= WINDOW_PIECES) window.push(part);
    else {
      windows.push([part]);
      ({ words, pieces } = own);
    }
  }
  return windows;
}
