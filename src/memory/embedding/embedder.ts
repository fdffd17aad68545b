import { assertEmbedding, EMBEDDING_WIDTH } from '../../domain/embedding.ts';
import { inTurns, mapInSteps } from '../../lib/in-turns.ts';
import { countWords } from '../text/words.ts';
import { cutForModel } from './cut-for-model.ts';
import { createModelProcess, type ModelProcess } from './model-process.ts';
import { createModelQueue, type EmbedRequest, type ReadText } from './model-queue.ts';

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

/** Windows of a message that wait at once: the queue takes a bounded number of texts of a tenant. */
const WINDOWS_AT_ONCE = 8;
/** Some 270 word pieces: the model was trained on texts of up to 256. */
const WINDOW_WORDS = 200;
/**
 * A second limit, for texts whose letters are word pieces of their own: 32,000 full stops are one word. It is
 * as long as three of the longest passages, which a window of common words seldom reaches. It says what is
 * read together, and no more: the model's work is counted in real tokens, see `createModelQueue`.
 */
const WINDOW_LETTERS = 1_400;
/**
 * What a text may cost: some three seconds of a processor. Each of the 48 parts that a message has at most
 * may be as long as what the model was trained on.
 */
const TEXT_TOKENS = 48 * 256;
/** A call takes 0.2 s at most. After this time the process counts as stuck, and is replaced. */
const CALL_TIMEOUT_MS = 20_000;

/**
 * Runs all-MiniLM-L6-v2 (fp32) in a process of its own: inference would block the API or the workflows, and a
 * process can be replaced. Resolves when the model is loaded. Rejects, and says which setting to change, when
 * `modelsPath` has no model.
 */
export async function createEmbedder(options: {
  modelsPath: string;
  niceness?: number;
}): Promise<Embedder & { pid(): number | undefined }> {
  const { modelsPath, niceness = 0 } = options;
  const model = createModelProcess({ modelsPath, niceness, answerWithinMs: CALL_TIMEOUT_MS });
  try {
    await model.read(await model.rowsOf({ parts: ['ready'], tokensEach: 1 }));
  } catch (error) {
    await model.close();
    throw new Error(
      `The embedding model could not be loaded from ${modelsPath}: set KONSTRUCT_MODELS to a folder ` +
        'with Xenova/all-MiniLM-L6-v2 (tokenizer.json, config.json, onnx/model.onnx), or use npm start, which downloads it.',
      { cause: error },
    );
  }

  return { ...embedderOn(model), pid: () => model.pid() };
}

/** An embedder whose texts a model reads, which it closes. */
export function embedderOn(model: Pick<ModelProcess, 'rowsOf' | 'read' | 'close'>): Embedder {
  const read = createModelQueue(model);
  return {
    async embed(text, request) {
      const { parts, around } = await read({ parts: [cutForModel(text)], tokensEach: TEXT_TOKENS }, request);
      return mean([...parts, ...around]);
    },
    async embedParts(parts, request) {
      const tokensEach = Math.floor(TEXT_TOKENS / parts.length);
      const counted = await inTurns(
        mapInSteps(parts, ({ length }) => length, countedForModel),
        request,
      );
      const windows = windowsOf(counted).map((own) => ({ parts: own, tokensEach }));
      const found: ReadText[] = [];
      for (let from = 0; from < windows.length; from += WINDOWS_AT_ONCE)
        found.push(
          ...(await Promise.all(
            windows.slice(from, from + WINDOWS_AT_ONCE).map((window) => read(window, request)),
          )),
        );
      const whole = mean(found.flatMap((window) => [...window.parts, ...window.around]));
      const own = found.flatMap((window) => window.parts);
      return { whole, parts: own.map((sum) => (sum.some(Boolean) ? mean([sum]) : whole)) };
    },
    close: () => model.close(),
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

type CountedPart = { part: string; words: number };

/** What the model can read of a part, and how many words that is. */
function countedForModel(text: string): CountedPart {
  const part = cutForModel(text);
  return { part, words: countWords(part) };
}

/** Neighbouring parts that the model reads together: about as much as it was trained to read. */
function windowsOf(parts: readonly CountedPart[]): string[][] {
  const windows: string[][] = [];
  let [words, letters] = [0, 0];
  for (const { part, ...own } of parts) {
    const window = windows.at(-1);
    words += own.words;
    letters += part.length;
    if (window && words <= WINDOW_WORDS && letters <= WINDOW_LETTERS) window.push(part);
    else {
      windows.push([part]);
      [words, letters] = [own.words, part.length];
    }
  }
  return windows;
}
