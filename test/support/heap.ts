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
