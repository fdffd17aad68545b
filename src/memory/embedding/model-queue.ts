/** Who asks the model takes turns: a turn is one run of the model, of no more work than its longest row. */
import { createFairQueue, type FairQueue, type Owner } from '../../lib/fair-queue.ts';
import { unlessAborted } from '../../lib/within.ts';
import { MAX_LETTERS } from './cut-for-model.ts';
import {
  ModelProcessLost,
  ROW_PLACES,
  type ModelProcess,
  type PartedText,
  type TokenRow,
} from './model-process.ts';

/**
 * A `query` is read before any waiting `backfill`, of which one run has its turn after each second of
 * queries; among equals, tenants take turns, and then users.
 */
export type EmbedRequest = Owner & { priority: 'query' | 'backfill'; signal?: AbortSignal | undefined };

/** The tenant's share of the queue is full. The caller should try again later. */
export class EmbedderBusyError extends Error {
  override readonly name = 'EmbedderBusy';
}

/** What the model says of a text: the sums over the tokens of each part, and over those around its rows. */
export type ReadText = { parts: Float32Array[]; around: Float32Array[] };

type Waiting = {
  owner: Owner;
  text: PartedText;
  /** What is still to be read. Unknown until the text's first turn. */
  rows: TokenRow[] | undefined;
  found: ReadText;
  signal: AbortSignal | undefined;
  resolve: (found: ReadText) => void;
  reject: (error: unknown) => void;
};

/** A row that is read next, and whose it is. */
type Turn = { row: TokenRow; of: Waiting };

/** Rows read together, which saves processor time. */
const MAX_ROWS = 8;
/**
 * Places of the rows that share a run, each as long as the longest. Beyond short rows sharing saves nothing,
 * and a short one pays for a long one's places. A longer row has a run of its own. Nothing interrupts a run:
 * the next query waits for one row at most, of the longest that the model reads (0.2 s of a processor).
 */
const SHARED_PLACES = ROW_PLACES / 2;
const MAX_WAITING_PER_TENANT = 1_000;
/** Questions that come without an end leave others' memory a fifth of the model. */
const QUESTIONS_BEFORE_BACKFILL_MS = 1_000;

/**
 * Gives what the model says of a text. Rejects with `EmbedderBusyError` when too many of the tenant's texts
 * wait, and with the signal's reason as soon as it is aborted. What loses the model's process is tried once
 * more, each row alone.
 */
export function createModelQueue(
  model: Pick<ModelProcess, 'rowsOf' | 'read'>,
): (text: PartedText, request: EmbedRequest) => Promise<ReadText> {
  const queues = { query: createFairQueue<Waiting>(), backfill: createFairQueue<Waiting>() };
  let isBusy = false;
  /** For how long the model has read queries while backfills waited. */
  let keptWaitingMs = 0;

  const nextQueue = () => {
    const isDue = keptWaitingMs >= QUESTIONS_BEFORE_BACKFILL_MS && queues.backfill.peek();
    return queues.query.peek() && !isDue ? queues.query : queues.backfill;
  };
  const drain = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    while (queues.query.peek() ?? queues.backfill.peek()) {
      const queue = nextQueue();
      const since = performance.now();
      const run = await nextRun(model, queue);
      if (run.length === 0) continue;
      await read(model, run);
      const keepsWaiting = queue === queues.query && queues.backfill.peek();
      keptWaitingMs = keepsWaiting ? keptWaitingMs + performance.now() - since : 0;
    }
    isBusy = false;
  };

  return async (text, { priority, signal, ...owner }) => {
    const queue = queues[priority];
    if (queue.waitingOf(owner.tenantId) >= MAX_WAITING_PER_TENANT) {
      throw new EmbedderBusyError(
        `the tenant's queue is full: ${MAX_WAITING_PER_TENANT} of its texts are waiting to be embedded`,
      );
    }
    const made = new Promise<ReadText>((resolve, reject) => {
      const found = { parts: [], around: [] };
      queue.push(owner, { owner, text, rows: undefined, found, signal, resolve, reject });
      void drain();
    });
    // Not when the text would have had its turn: the model may hang, and the caller's process end.
    return unlessAborted(made, signal);
  };
}

/**
 * Takes the next rows: one of each text whose turn it is. A text that has more waits for its next turn. The
 * texts' tokens are counted first, of no more letters than one text may have.
 */
async function nextRun(model: Pick<ModelProcess, 'rowsOf'>, queue: FairQueue<Waiting>): Promise<Turn[]> {
  const run: Turn[] = [];
  let [letters, longest] = [0, 0];
  for (let next = queue.peek(); next && run.length < MAX_ROWS; next = queue.peek()) {
    if (!next.rows && !next.signal?.aborted) {
      letters += next.text.parts.reduce((sum, part) => sum + part.length, 0);
      if (run.length > 0 && letters > MAX_LETTERS) break;
      next.rows = await rowsOf(model, next);
    }
    const [row, ...others] = next.signal?.aborted ? [] : (next.rows ?? []);
    if (row) {
      longest = Math.max(longest, row.places);
      if (run.length > 0 && longest * (run.length + 1) > SHARED_PLACES) break;
      run.push({ row, of: next });
      next.rows = others;
    }
    const own = next;
    queue.take((waiting) => waiting === own);
    if (others.length > 0) queue.push(next.owner, next);
  }
  return run;
}

/** A text's rows; none when they can't be had, which its caller is told. */
async function rowsOf(model: Pick<ModelProcess, 'rowsOf'>, { text, reject }: Waiting): Promise<TokenRow[]> {
  const ask = () => model.rowsOf(text);
  try {
    return await ask().catch((error: unknown) => {
      if (error instanceof ModelProcessLost) return ask();
      throw error;
    });
  } catch (error) {
    reject(error);
    return [];
  }
}

/** Has rows read, and tells the callers of texts that have been read to their end. */
async function read(model: Pick<ModelProcess, 'read'>, run: readonly Turn[]): Promise<void> {
  const fail = ({ of }: Turn, error: unknown): void => {
    of.rows = [];
    of.reject(error);
  };
  const readOnce = async (turns: readonly Turn[]): Promise<void> => {
    const all = await model.read(turns.map(({ row }) => row));
    turns.forEach((turn, i) => {
      const { row, of } = turn;
      const sums = all[i];
      const around = sums?.at(-1);
      if (!around || sums?.length !== row.parts.length + 1) {
        fail(turn, new Error('the model returned too few embeddings'));
        return;
      }
      of.found.parts.push(...sums.slice(0, -1));
      of.found.around.push(around);
      if (of.found.parts.length === of.text.parts.length) of.resolve(of.found);
    });
  };
  try {
    await readOnce(run);
  } catch (error) {
    if (error instanceof ModelProcessLost) {
      for (const turn of run) await readOnce([turn]).catch((again: unknown) => fail(turn, again));
    } else for (const turn of run) fail(turn, error);
  }
}
