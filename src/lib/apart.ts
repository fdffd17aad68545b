/**
 * Reading what people and models write, apart from the thread that everybody shares. Parsers and patterns may
 * take a text made to be poison much longer than it is long, and nothing interrupts them. Here a thread has
 * the text: one that is late is ended with it, and a plain reading stands in. It bounds time, and memory
 * only by what is filled in that time: a heap of its own that is full would end the process.
 */
import { channel } from 'node:diagnostics_channel';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { createFairPlaces } from './fair-places.ts';
import type { Owner } from './fair-queue.ts';
import { createLateOwners } from './late-owners.ts';

/** What a thread is given: a function by its module and name, and what it takes; or a module to load. */
export type ApartTask = { module: string; name: string; args: readonly unknown[] } | { module: string };
/** What a thread answers: that it has the function, and then what that gives, or the name of its error. */
export type ApartAnswer = { begun: true } | { output: unknown } | { error: string };

/** Whose text it is, and until when somebody waits for it. */
export type ApartOwner = Owner & { signal?: AbortSignal | undefined };

/** A reading that was given up: whose, by which function, and why. It never holds the text. */
export type GivenUp = Owner & { work: string; why: string };

/** Tells of every reading that was given up, as a `GivenUp`. */
export const GIVEN_UP = channel('konstruct.apart.given-up');

/**
 * What is read takes some milliseconds of a processor, and a text that is long and dense 80. By the clock it
 * takes as long as the machine is busy, so that says little.
 */
export const PROCESSOR_MS = 500;
const READ_WITHIN_MS = 10_000;
const LOOKED_AT_EVERY_MS = 100;
/** Loading a module takes 0.3 s, and more where the machine is busy. It costs nobody but those who wait. */
const LOADED_WITHIN_MS = 30_000;
/** A tenant has one thread at a time, so that another one finds one. Each takes some 40 MB. */
export const THREADS = { ofATenant: 1, inAll: 2 };

const PROGRAM = fileURLToPath(new URL('./apart-thread.ts', import.meta.url));

const places = createFairPlaces(THREADS.ofATenant, THREADS.inAll);
const lateOwners = createLateOwners();
type Thread = { worker: Worker; ready: Promise<void> };

/** Threads without work, the readiest last. They don't keep the process alive. */
const idle: Thread[] = [];
/** What has been read by: a thread that stands in for one that was ended loads it before somebody waits. */
const modules = new Set<string>();

/**
 * Has a function run on a thread, for whoever the text is of: tenants share the threads out. `read` is pure,
 * exported by the module at `url` under its own name, and takes and gives plain values. Where it is late,
 * fails, or its thread does, `otherwise` gives the result: it must take no longer than its texts are long.
 * It does so as well for a while for whoever has sent a text that was late. What is given rejects only with
 * the reason of the signal, when that ends the wait for a thread.
 */
export function apart<Args extends unknown[], Output>(
  url: string,
  read: (...args: Args) => Output,
  otherwise: (...args: Args) => Output,
): (owner: ApartOwner, ...args: Args) => Promise<Output> {
  return async ({ tenantId, userId, signal }, ...args) => {
    const owner = { tenantId, userId };
    if (lateOwners.holds(owner)) return otherwise(...args);
    return places(owner, signal, async () => {
      // Its owner may have been late while it waited.
      if (lateOwners.holds(owner)) return otherwise(...args);
      try {
        return (await run({ module: url, name: read.name, args })) as Output;
      } catch (error) {
        if (!(error instanceof FailedReading || error instanceof NotLoaded)) lateOwners.add(owner);
        const why = Error.isError(error) ? error.message : 'unknown';
        GIVEN_UP.publish({ ...owner, work: read.name, why } satisfies GivenUp);
        return otherwise(...args);
      }
    });
  };
}

/** The function has thrown. */
class FailedReading extends Error {}
/** There was no thread that has it: the machine is too busy, or has no room. That is no text's doing. */
class NotLoaded extends Error {}

async function run(task: ApartTask): Promise<unknown> {
  modules.add(task.module);
  const thread = await readyThread();
  const { worker } = thread;
  let answer: Exclude<ApartAnswer, { begun: true }>;
  try {
    answer = await answerOf(worker, task);
  } catch (error) {
    // Nothing else stops what runs there.
    void worker.terminate();
    idle.unshift(startThread(modules));
    throw error;
  }
  worker.unref();
  idle.push(thread);
  if ('error' in answer) throw new FailedReading(answer.error);
  return answer.output;
}

async function readyThread(): Promise<Thread> {
  for (;;) {
    const thread = idle.pop() ?? startThread();
    await thread.ready;
    // One that has ended has no number any more.
    if (thread.worker.threadId > 0) return thread;
  }
}

/** A thread, which is ready once it has loaded these modules. */
function startThread(loads: Iterable<string> = []): Thread {
  const worker = new Worker(PROGRAM, {
    name: 'apart',
    // It needs no secret, so it gets none.
    env: {},
    execArgv: [],
  });
  const load = async (): Promise<void> => {
    try {
      for (const module of loads) await answerOf(worker, { module });
      worker.unref();
    } catch {
      await worker.terminate();
    }
  };
  const thread = { worker, ready: load() };
  // One that ends without work is started anew when there is some.
  worker
    .on('error', () => undefined)
    .once('exit', () => {
      const at = idle.indexOf(thread);
      if (at >= 0) idle.splice(at, 1);
    });
  return thread;
}

/** Gives a thread its task. Rejects when it is late, and when it ends. */
function answerOf(worker: Worker, task: ApartTask): Promise<Exclude<ApartAnswer, { begun: true }>> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let hasBegun = false;
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const late = (): void => settle(() => reject(new Error('late')));
    const onMessage = (answer: ApartAnswer): void => {
      clearTimeout(timer);
      if ('begun' in answer) {
        hasBegun = true;
        timer = watchReading(worker, late);
      } else settle(() => resolve(answer));
    };
    const ended = (why: string): void => settle(() => reject(hasBegun ? new Error(why) : new NotLoaded(why)));
    const onError = (error: Error): void => ended(error.name);
    const onExit = (): void => ended('the thread has ended');
    const unloaded = (): void => ended('not loaded in time');
    timer = setTimeout(unloaded, LOADED_WITHIN_MS);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.ref();
    worker.postMessage(task);
  });
}

/** Calls `late` when a reading that begins now has had its time. Clearing the timer ends the watch. */
function watchReading(worker: Worker, late: () => void): NodeJS.Timeout {
  // Looks, not the clock: a process that stands still looks at nothing.
  let looks = 0;
  const processorMs = async (): Promise<number> => {
    const { user, system } = await worker.cpuUsage();
    return (user + system) / 1_000;
  };
  // A thread that has ended tells so itself.
  const before = processorMs().catch(() => 0);
  const look = async (): Promise<void> => {
    // First: a thread within one long operation of the engine doesn't say what it has spent.
    looks += 1;
    if (looks * LOOKED_AT_EVERY_MS >= READ_WITHIN_MS) {
      late();
      return;
    }
    const spent = (await processorMs().catch(() => 0)) - (await before);
    if (spent >= PROCESSOR_MS) late();
  };
  return setInterval(() => void look(), LOOKED_AT_EVERY_MS);
}
