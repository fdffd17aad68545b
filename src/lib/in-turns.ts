import { createFairThread } from './fair-thread.ts';

/** Work that is interrupted now and then: so often that nobody who waits notices what lies between. */
export type InSteps<T> = Generator<undefined, T>;

/** Of this process, which has one thread for all of it. */
const inTurn = createFairThread();

/**
 * Does work in its steps, and lets others have their turns between them: tenants share the thread, however
 * much of such work one has. Rejects with the reason of `signal` before the next step once that is aborted:
 * nobody waits for the rest.
 */
export async function inTurns<T>(
  steps: InSteps<T>,
  { tenantId, signal }: { tenantId: string; signal?: AbortSignal | undefined },
): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    const { done, value } = await inTurn(tenantId, () => steps.next());
    if (done) return value;
  }
}

/** Letters that are read in one go: a few milliseconds, of whatever text. */
const LETTERS_IN_ONE_GO = 5_000;

/**
 * Maps one after the other, in steps of so many letters, see `inTurns`: a few items can hold as much as
 * thousands of others.
 */
export function* mapInSteps<T, U>(
  items: readonly T[],
  lettersOf: (item: T) => number,
  map: (item: T) => U,
): InSteps<U[]> {
  const mapped: U[] = [];
  let letters = 0;
  for (const item of items) {
    const own = lettersOf(item);
    if (letters > 0 && letters + own > LETTERS_IN_ONE_GO) {
      yield;
      letters = 0;
    }
    letters += own;
    mapped.push(map(item));
  }
  return mapped;
}
