/** What is held on the heap of this process. */
import { setImmediate as turn } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

/** Bytes on the heap when nothing is there that nobody needs. */
export async function heapBytes(): Promise<number> {
  for (let nth = 0; nth < 3; nth += 1) {
    await turn();
    collect();
  }
  return process.memoryUsage().heapUsed;
}

const waits: Array<() => void> = [];

/** What doesn't come. Whoever waits for it stays in memory: of a promise that nobody has, its waiters go. */
export const stillToCome = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    waits.push(() => reject(new Error('it never comes')));
  });
