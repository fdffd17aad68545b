import os from 'node:os';
import { StackError } from './report.ts';
import type { StackHandle } from './types.ts';

const SAME_SIGNAL_MS = 1_000;
const ORPHAN_CHECK_MS = 1_000;

/**
 * Runs `main` and keeps the process alive until SIGINT, SIGTERM or SIGHUP (or the end of the bootstrap that started
 * us), then stops the stack in order and exits with 0. A second Ctrl-C kills everything at once. A StackError ends in
 * its message and exit code 1. `main` hands over what stops it as soon as there is something to stop.
 */
export async function runUntilStopped(
  main: (onHandle: (handle: StackHandle) => void) => Promise<void>,
): Promise<void> {
  let handle: StackHandle | undefined;
  let stopping = false;
  let stoppingSince = 0;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      // One Ctrl-C or `timeout` arrives several times over: from the terminal or the group, and through npm and bootstrap.
      if (signal !== 'SIGINT' || performance.now() - stoppingSince < SAME_SIGNAL_MS) return;
      handle?.kill();
      process.exit(128 + os.constants.signals[signal]);
    }
    stopping = true;
    stoppingSince = performance.now();
    process.stderr.write('\n  stopping …\n');
    void (handle?.stop() ?? Promise.resolve()).then(() => process.exit(0));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  whenOrphaned(() => stopping || stop('SIGTERM'));
  try {
    await main((started) => {
      handle = started;
    });
  } catch (error) {
    if (stopping) return;
    stopping = true;
    await handle?.stop();
    const text =
      error instanceof StackError ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`konstruct: ${text}\n`);
    process.exit(1);
  }
}

/** Our bootstrap forwards the signals it gets, but not SIGKILL: then nobody would be left to stop us. */
function whenOrphaned(callback: () => void): void {
  const bootstrap = Number(process.env['KONSTRUCT_BOOTSTRAP_PID']);
  if (process.ppid !== bootstrap) return;
  setInterval(() => {
    if (process.ppid !== bootstrap) callback();
  }, ORPHAN_CHECK_MS).unref();
}
