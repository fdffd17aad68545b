import { setImmediate as breathe } from 'node:timers/promises';

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
