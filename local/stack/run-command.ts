import { spawn } from 'node:child_process';
import { killQuietly } from './kill.ts';

/** How a command ended. `code` is null when a signal ended it or it couldn't be started (`output` says why). */
export type CommandResult = { code: number | null; output: string };

/** Options of `runCommand`; the environment is this process's own unless given. */
export type CommandOptions = {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  timeoutMs?: number;
  /** Ends the command when aborted. */
  signal?: AbortSignal;
};

const KEPT_OUTPUT = 20_000;

/** Runs a command to its end, keeping the last of what it wrote to either stream. Never rejects. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { timeoutMs, signal, ...rest } = options;
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve({ code: null, output: 'given up' });
      return;
    }
    // A group of its own, ended as a whole: a python3 or mvn on PATH is often a script that starts the real one.
    const child = spawn(file, args, { ...rest, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const end = (): void => {
      if (child.pid !== undefined) killQuietly(-child.pid, 'SIGTERM');
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs);
    signal?.addEventListener('abort', end);
    const settle = (result: CommandResult): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve(result);
    };
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => settle({ code: null, output: error.message }));
    child.on('close', (code) => settle({ code, output }));
  });
}

/** The last line of a command's output that says something: mostly the reason of a failure. */
export function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1)?.trim() ?? '';
}
