import os from 'node:os';
import { StackError } from './report.ts';
import type { StackHandle } from './types.ts';

const SAME_SIGNAL_MS = 1_000;
const ORPHAN_CHECK_MS = 1_000;

/** Starts a stack, and passes on its handle as soon as there is something to stop. */
export type StackMain = (onHandle: (handle: StackHandle) => void) => Promise<void>;

/**
 * Runs `main` and keeps the process alive until SIGINT, SIGTERM or SIGHUP, or until the bootstrap that
 * started it ends. Then it stops the stack in order and exits. The exit code is 0, or 128 + the signal's
 * number when being stopped means that the work is unfinished (`stopIsSuccess: false`). A second Ctrl-C kills
 * everything at once. A StackError is reported by its message alone; after any error the exit code is 1.
 */
export async function runUntilStopped(main: StackMain, { stopIsSuccess = true } = {}): Promise<void> {
  let handle: StackHandle | undefined;
  let stopping = false;
  let stoppingSince = 0;
  const codeFor = (signal: NodeJS.Signals): number => 128 + os.constants.signals[signal];
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      // One Ctrl-C or `timeout` arrives several times: from the
      // terminal or the group, and through npm and bootstrap.
      if (signal !== 'SIGINT' || performance.now() - stoppingSince < SAME_SIGNAL_MS) return;
      handle?.kill();
      process.exit(codeFor(signal));
    }
    stopping = true;
    stoppingSince = performance.now();
    process.stderr.write('\n  stopping …\n');
    void stopped(handle).then(() => process.exit(stopIsSuccess ? 0 : codeFor(signal)));
  };
  const fail = async (error: unknown): Promise<void> => {
    if (stopping) return; // errors during the stop are expected
    stopping = true;
    await stopped(handle);
    const text =
      error instanceof StackError ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`konstruct: ${text}\n`);
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  // A bug must not leave processes behind.
  process.on('uncaughtException', (error) => void fail(error));
  whenOrphaned(() => stop('SIGTERM'));
  try {
    await main((started) => {
      handle = started;
    });
  } catch (error) {
    await fail(error);
  }
}

async function stopped(handle: StackHandle | undefined): Promise<void> {
  try {
    await handle?.stop();
  } catch (error) {
    process.stderr.write(`konstruct: ${String(error)}\n`);
  }
}

/**
 * The bootstrap forwards its signals, but it can't forward
 * SIGKILL: then nothing else would stop this process.
 */
function whenOrphaned(callback: () => void): void {
  const bootstrap = Number(process.env['KONSTRUCT_BOOTSTRAP_PID']);
  if (process.ppid !== bootstrap) return;
  const timer = setInterval(() => {
    if (process.ppid === bootstrap) return;
    clearInterval(timer);
    callback();
  }, ORPHAN_CHECK_MS).unref();
}
