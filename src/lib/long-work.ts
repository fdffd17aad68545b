import { setTimeout as rest } from 'node:timers/promises';
import { createFairPlaces } from './fair-places.ts';
import type { Owner } from './fair-queue.ts';

/** After a piece, so many times as long as it took is for all else. */
const RESTS = 2;
/**
 * The longest piece, two megabytes of JSON, takes some 170 ms. What took longer is a process that stood
 * still, which is no work to rest from.
 */
const LONGEST_MS = 300;

/**
 * Does a piece of work in its owner's turn. Rejects with the signal's reason when there was none until then.
 */
export type LongWork = <T>(
  owner: Owner,
  signal: AbortSignal | undefined,
  work: () => T | Promise<T>,
) => Promise<T>;

/**
 * Makes what does work that holds the thread for some milliseconds a piece: one at a time, owners in turns.
 * However much of it there is, it has a third of the thread: all else has twice as long in between.
 */
export function createLongWork(): LongWork {
  const turns = createFairPlaces(1, 1);
  return (owner, signal, work) =>
    new Promise((resolve, reject) => {
      turns(owner, signal, async () => {
        const began = performance.now();
        try {
          resolve(await work());
        } finally {
          await rest(RESTS * Math.min(LONGEST_MS, performance.now() - began));
        }
      }).catch(reject);
    });
}
