import { setImmediate as breathe } from 'node:timers/promises';

/** Work that is interrupted now and then: so often that nobody who waits notices what lies between. */
export type InSteps<T> = Generator<undefined, T>;

/** Does work in its steps, and lets others have their turns between them. */
export async function inTurns<T>(steps: InSteps<T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await breathe();
  }
}

/** What these take together is too little to be noticed by who waits. */
const ITEMS_IN_ONE_GO = 8;

/**
 * Maps one after the other, and lets others have their turns after every few: all in one go would hold them
 * up.
 */
export async function mapInTurns<T, U>(items: readonly T[], map: (item: T) => U): Promise<U[]> {
  const mapped: U[] = [];
  for (const item of items) {
    if (mapped.length > 0 && mapped.length % ITEMS_IN_ONE_GO === 0) await breathe();
    mapped.push(map(item));
  }
  return mapped;
}
