/** The thread that `apart` starts: runs one function after the other, each by its module and name. */
import { parentPort } from 'node:worker_threads';
import type { ApartAnswer, ApartTask } from './apart.ts';

type Reader = (...args: unknown[]) => unknown;

const say = (answer: ApartAnswer): void => parentPort?.postMessage(answer);
const ready = new Set<string>();

parentPort?.on('message', (task: ApartTask) => void run(task));

/**
 * Says that the function is there first: the time that it may take begins then. What a module makes once for
 * all texts, by its `makeReady`, is made before.
 */
async function run({ module, name, args }: ApartTask): Promise<void> {
  try {
    const { [name]: read, makeReady } = (await import(module)) as Record<string, Reader>;
    if (!read) throw new ReferenceError(`${name} is not exported`);
    if (!ready.has(module)) makeReady?.();
    ready.add(module);
    say({ begun: true });
    say({ output: read(...args) });
  } catch (error) {
    // Its message may hold words of the text.
    say({ error: Error.isError(error) ? error.name : 'unknown' });
  }
}
