// `concurrently` spawns the command, reports its end and restarts it through a flow controller. The restart
// policy and the kill are our own. Its RestartProcess ignores exit code 0 and has a fixed delay. Its kill
// walks the process tree, which no longer exists when the parent was killed; a process group still does.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createConcurrently } from 'concurrently';
import type { Command, FlowController } from 'concurrently';
import { killQuietly } from './kill.ts';
import { StackError, poll } from './report.ts';
import type { ProcessHandle, ProcessSpec } from './types.ts';

const MIN_RESTART_DELAY_MS = 200;
/** A process must be back within 5 s; the last second is for its own start. */
const MAX_RESTART_DELAY_MS = 4_000;
/** A process that ran this long is restarted with the shortest delay. */
const STABLE_AFTER_MS = 10_000;
/** Applies until the process is ready for the first time. After that it is restarted without limit. */
const MAX_EXITS_AT_START = 3;
const DEFAULT_STOP_MS = 10_000;
const DEFAULT_READY_MS = 60_000;
const MAX_LOG_BYTES = 10 * 1024 * 1024;
const SHOWN_LOG_LINES = 20;

/** Where supervised processes write their logs, and who is notified of changes. */
export type SupervisionOptions = {
  logsDirectory: string;
  onChange: () => void;
  log: (line: string) => void;
};

/** One process, which is restarted whenever it ends, until it is stopped. */
export class SupervisedProcess implements ProcessHandle {
  readonly spec: ProcessSpec;
  pid: number | undefined;
  restarts = 0;
  readonly #options: SupervisionOptions;
  readonly #logFile: string;
  #command: Command | undefined;
  #state: 'running' | 'held' | 'stopping' = 'running';
  #exits = 0;
  #wasReady = false;
  #startedAt = 0;
  #restartDelayMs = MIN_RESTART_DELAY_MS;
  #lastExit = '';
  #logStart = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(spec: ProcessSpec, options: SupervisionOptions) {
    this.spec = spec;
    this.#options = options;
    this.#logFile = path.join(options.logsDirectory, `${spec.name}.log`);
  }

  get name(): string {
    return this.spec.name;
  }

  /**
   * Starts the process and waits until it is ready.
   * @throws StackError with the last lines of its log.
   */
  async start(): Promise<void> {
    this.#logStart = rotate(this.#logFile);
    const restartAlways: FlowController = {
      handle: (commands) => ({ commands: commands.map((command) => this.#supervise(command)) }),
    };
    const { result } = createConcurrently([{ name: this.name, command: this.name }], {
      spawn: () => this.#spawn(),
      controllers: [restartAlways],
    });
    result.catch(() => undefined); // settles at the command's first end, after which it is restarted
    await this.#untilReady();
    this.#wasReady = true;
  }

  lastLog(): string {
    const text = fs.readFileSync(this.#logFile).subarray(this.#logStart).toString('utf8').trimEnd();
    const lines = text.split('\n').slice(-SHOWN_LOG_LINES);
    return lines.map((line) => `    ${line}`).join('\n');
  }

  signal(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) killQuietly(this.pid, signal);
  }

  /** Sends SIGKILL to the whole process group, so that no child outlives its killed parent. */
  killGroup(): void {
    if (this.pid !== undefined) killQuietly(-this.pid, 'SIGKILL');
  }

  async hold(): Promise<void> {
    this.#state = 'held';
    clearTimeout(this.#timer);
    this.killGroup();
    await this.#hasEnded(DEFAULT_STOP_MS);
  }

  async release(): Promise<void> {
    if (this.#state !== 'held') return;
    this.#state = 'running';
    this.#command?.start();
    await this.#untilReady();
  }

  /** Asks the process to stop, and kills its group when it takes too long. */
  async stop(): Promise<void> {
    this.#state = 'stopping';
    clearTimeout(this.#timer);
    if (this.pid === undefined) return;
    this.signal(this.spec.stopSignal ?? 'SIGTERM');
    this.signal('SIGCONT'); // a process that a fault test has stopped would not receive the signal
    const timeoutMs = this.spec.stopTimeoutMs ?? DEFAULT_STOP_MS;
    if (await this.#hasEnded(timeoutMs)) return;
    this.#options.log(`  ${this.name} did not stop within ${timeoutMs / 1000} s and was killed`);
    this.killGroup();
    await this.#hasEnded(DEFAULT_STOP_MS);
  }

  #spawn(): ReturnType<typeof spawn> {
    const { file, args, env, cwd, uid, gid } = this.spec;
    const output = fs.openSync(this.#logFile, 'a', 0o600);
    const child = spawn(file, args, {
      env,
      cwd: cwd ?? '/',
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      detached: true, // a group of its own: the terminal's Ctrl-C must reach only us, who stop in order
      stdio: ['ignore', output, output],
    });
    fs.closeSync(output);
    child.once('error', (error) => fs.appendFileSync(this.#logFile, `${file}: ${error.message}\n`));
    this.pid = child.pid;
    this.#startedAt = Date.now();
    this.#options.onChange();
    return child;
  }

  /** Restarts the command whenever it ends, with any exit code. */
  #supervise(command: Command): Command {
    this.#command = command;
    command.close.subscribe(({ exitCode }) => this.#ended(exitCode));
    return command;
  }

  #ended(exitCode: string | number): void {
    this.killGroup();
    this.pid = undefined;
    this.#exits += 1;
    this.#lastExit = typeof exitCode === 'number' ? `code ${exitCode}` : exitCode;
    this.#options.onChange();
    if (this.#state !== 'running') return;
    if (Date.now() - this.#startedAt > STABLE_AFTER_MS) this.#restartDelayMs = MIN_RESTART_DELAY_MS;
    if (this.#wasReady) this.#options.log(`  ${this.name} ended (${this.#lastExit}); restarting it`);
    this.#timer = setTimeout(() => {
      this.restarts += 1;
      this.#command?.start();
    }, this.#restartDelayMs);
    this.#restartDelayMs = Math.min(this.#restartDelayMs * 2, MAX_RESTART_DELAY_MS);
  }

  async #untilReady(): Promise<void> {
    const { ready, readyTimeoutMs = DEFAULT_READY_MS } = this.spec;
    const givenUp = (): boolean => !this.#wasReady && this.#exits >= MAX_EXITS_AT_START;
    const probe = async (): Promise<boolean> =>
      givenUp() || (this.pid !== undefined && (await ready?.()) !== false);
    const answered = await poll(probe, readyTimeoutMs);
    if (this.#state === 'stopping' || (answered && !givenUp())) return;
    const why = givenUp()
      ? `failed to start (${this.#lastExit})`
      : `was not ready after ${readyTimeoutMs / 1000} s`;
    await this.stop();
    throw new StackError(`${this.name} ${why}; the end of ${this.#logFile}:\n${this.lastLog()}`);
  }

  async #hasEnded(timeoutMs: number): Promise<boolean> {
    return poll(() => Promise.resolve(this.pid === undefined), timeoutMs, 20);
  }
}

/** Renames a log that has grown too large. Returns the offset at which this run's part of the log begins. */
function rotate(file: string): number {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= MAX_LOG_BYTES) return size;
  fs.renameSync(file, `${file}.1`);
  return 0;
}
