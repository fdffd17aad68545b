import { setImmediate as breathe } from 'node:timers/promises';

/** Work that is interrupted now and then: so often that nobody who waits notices what lies between. */
export type InSteps<T> = Generator<undefined, T>;

/**
 * Does work in its steps, and lets others have their turns between them. Rejects with the reason of `signal`
 * before the next step once that is aborted: nobody waits for the rest.
 */
export async function inTurns<T>(steps: InSteps<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    const { done, value } = steps.next();
    if (done) return value;
    await breathe();
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
