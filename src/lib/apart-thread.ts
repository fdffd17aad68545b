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
async function run(task: ApartTask): Promise<void> {
  const { module } = task;
  try {
    const exported = (await import(module)) as Record<string, Reader>;
    if (!ready.has(module)) exported['makeReady']?.();
    ready.add(module);
    if (!('name' in task)) {
      say({ output: undefined });
      return;
    }
    const read = exported[task.name];
    if (!read) throw new ReferenceError(`${task.name} is not exported`);
    say({ begun: true });
    say({ output: read(...task.args) });
  } catch (error) {
    // Its message may hold words of the text.
    say({ error: Error.isError(error) ? error.name : 'unknown' });
  }
}
