/** The thread that `apart` starts: runs one function after the other, each by its module and name. */
import { parentPort } from 'node:worker_threads';
import type { ApartAnswer, ApartTask } from './apart.ts';

const say = (answer: ApartAnswer): void => parentPort?.postMessage(answer);

parentPort?.on('message', (task: ApartTask) => void run(task));

/** Says that the function is there first: the time that it may take begins then. */
async function run({ module, name, args }: ApartTask): Promise<void> {
  try {
    const { [name]: read } = (await import(module)) as Record<string, (...args: unknown[]) => unknown>;
    if (!read) throw new ReferenceError(`${name} is not exported`);
    say({ begun: true });
    say({ output: read(...args) });
  } catch (error) {
    // Its message may hold words of the text.
    say({ error: Error.isError(error) ? error.name : 'unknown' });
  }
}
