import path from 'node:path';
import { componentStarts } from './components.ts';
import { ownHome } from './ownership.ts';
import { makeHome } from './paths.ts';
import { StackError } from './report.ts';
import { Supervisor } from './supervisor.ts';
import type { Stack, StackHandle, StackOptions, StackUrls } from './types.ts';

export { StackError } from './report.ts';
export type { Stack, StackHandle, StackOptions, StackUrls } from './types.ts';

/**
 * Starts the wanted components that are not configured, each as a supervised process on a free loopback port
 * (the same as last time if possible), and resolves when all answer. When one fails, the others are stopped.
 * @throws StackError with one line for the user when a component can't be started.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const log = options.log ?? ((line: string) => void process.stderr.write(line + '\n'));
  makeHome(options.home);
  const owner = await ownHome(options.home, log);
  const supervisor = new Supervisor({
    logsDirectory: path.join(options.home, 'logs'),
    log,
    onChange: () => {
      owner.record(supervisor.pids());
      options.onPids?.(supervisor.pids());
    },
  });
  const abort = new AbortController();
  const cleanUps: (() => void)[] = [];
  let starting: Promise<unknown> = Promise.resolve();
  const stopAll = async (): Promise<void> => {
    abort.abort();
    await supervisor.stop();
    await starting; // otherwise a component could still start after `stop` has resolved
    for (const cleanUp of cleanUps) cleanUp();
    owner.release();
  };
  let stopped: Promise<void> | undefined;
  const handle: StackHandle = {
    stop: () => (stopped ??= stopAll()),
    kill: () => {
      abort.abort();
      supervisor.kill();
    },
  };
  options.onHandle?.(handle);

  const urls: StackUrls = {};
  let failure: Error | undefined;
  try {
    await options.beforeStart?.();
    const context = { env: options.env, log, signal: abort.signal };
    const starts = await componentStarts({ options, context, supervisor, cleanUps });
    const one = async (start: () => Promise<StackUrls>): Promise<void> => {
      try {
        Object.assign(urls, await start());
      } catch (error) {
        // The first failure is the cause. It aborts the other starts, whose errors only report that.
        failure ??= asError(error);
        abort.abort();
        void supervisor.stop();
      }
    };
    starting = Promise.all(starts.map(one));
    await starting;
  } catch (error) {
    failure ??= asError(error);
  }
  if (failure === undefined && abort.signal.aborted)
    failure = new StackError('the stack was stopped during its start');
  if (failure !== undefined) {
    await handle.stop();
    throw failure;
  }
  return {
    ...handle,
    urls,
    pids: () => supervisor.pids(),
    process: (name) => supervisor.process(name),
    supervise: (spec) => supervisor.supervise(spec),
  };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
