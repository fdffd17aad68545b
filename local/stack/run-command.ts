import { spawn } from 'node:child_process';
import { killQuietly } from './kill.ts';

/**
 * A command's result. `code` is null when a signal ended it or it couldn't be started (`output` says why).
 */
export type CommandResult = { code: number | null; output: string };

/** Options of `runCommand`. */
export type CommandOptions = {
  /** The complete environment: nothing is inherited. */
  env: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  timeoutMs?: number;
  /** Ends the command when aborted. */
  signal?: AbortSignal;
};

const MAX_OUTPUT_CHARACTERS = 20_000;

/** Runs a command to its end and resolves with the last part of its output (both streams). Never rejects. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { timeoutMs, signal, ...rest } = options;
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve({ code: null, output: 'aborted' });
      return;
    }
    // A process group of its own, which is ended as a whole:
    // python3 or mvn on PATH is often a wrapper script.
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
      output = (output + chunk.toString('utf8')).slice(-MAX_OUTPUT_CHARACTERS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => settle({ code: null, output: error.message }));
    child.on('close', (code) => settle({ code, output }));
  });
}

/** The last non-empty line of a command's output, which mostly gives the reason of a failure. */
export function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1)?.trim() ?? '';
}
