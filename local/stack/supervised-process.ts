// Built on `concurrently`: it owns a command's life (spawn, close, restart through a flow controller). What is ours is
// the policy: its RestartProcess lets exit code 0 pass and keeps a fixed delay, and its kill walks a process tree
// that is gone when the parent was killed, where a process group is not.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createConcurrently } from 'concurrently';
import type { Command, FlowController } from 'concurrently';
import { killQuietly } from './kill.ts';
import { StackError, poll } from './report.ts';
import type { ProcessHandle, ProcessSpec } from './types.ts';

const FIRST_RESTART_MS = 200;
const LONGEST_RESTART_MS = 4_000; // the contract says 5 s; the rest is for the process's own start
const STEADY_AFTER_MS = 10_000; // one that lived this long starts again with the shortest delay
const DEATHS_BEFORE_GIVING_UP = 3; // only before it was ready for the first time; later it is restarted for ever
const DEFAULT_STOP_MS = 10_000;
const DEFAULT_READY_MS = 60_000;
const MAX_LOG_BYTES = 10 * 1024 * 1024;
const SHOWN_LOG_LINES = 20;

/** Where kept processes write, and who is told. */
export type KeptOptions = {
  logsDirectory: string;
  onChange: () => void;
  log: (line: string) => void;
};

/** Keeps one process running until it is stopped. */
export class Kept implements ProcessHandle {
  readonly spec: ProcessSpec;
  pid: number | undefined;
  restarts = 0;
  readonly #options: KeptOptions;
  readonly #logFile: string;
  #command: Command | undefined;
  #state: 'running' | 'held' | 'stopping' = 'running';
  #deaths = 0;
  #wasReady = false;
  #startedAt = 0;
  #restartDelay = FIRST_RESTART_MS;
  #lastEnd = '';
  #logStart = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(spec: ProcessSpec, options: KeptOptions) {
    this.spec = spec;
    this.#options = options;
    this.#logFile = path.join(options.logsDirectory, `${spec.name}.log`);
  }

  get name(): string {
    return this.spec.name;
  }

  /** Starts it and waits until it is ready. @throws StackError with the last lines of its log. */
  async start(): Promise<void> {
    this.#logStart = rotate(this.#logFile);
    const keepRunning: FlowController = {
      handle: (commands) => ({ commands: commands.map((c) => this.#keep(c)) }),
    };
    const { result } = createConcurrently([{ name: this.name, command: this.name }], {
      spawn: () => this.#spawn(),
      controllers: [keepRunning],
    });
    result.catch(() => undefined); // settles at the command's first end, which means nothing here
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

  /** SIGKILL for the whole group: helpers of a killed parent must not live on. */
  killGroup(): void {
    if (this.pid !== undefined) killQuietly(-this.pid, 'SIGKILL');
  }

  async hold(): Promise<void> {
    this.#state = 'held';
    clearTimeout(this.#timer);
    this.killGroup();
    await this.#down(DEFAULT_STOP_MS);
  }

  async release(): Promise<void> {
    if (this.#state !== 'held') return;
    this.#state = 'running';
    this.#command?.start();
    await this.#untilReady();
  }

  /** Asks it to stop, and kills its group when it takes too long. */
  async stop(): Promise<void> {
    this.#state = 'stopping';
    clearTimeout(this.#timer);
    if (this.pid === undefined) return;
    this.signal(this.spec.stopSignal ?? 'SIGTERM');
    this.signal('SIGCONT'); // one that a fault test has stopped would never see the signal
    const timeoutMs = this.spec.stopTimeoutMs ?? DEFAULT_STOP_MS;
    if (await this.#down(timeoutMs)) return;
    this.#options.log(`  ${this.name} did not stop within ${timeoutMs / 1000} s: killed`);
    this.killGroup();
    await this.#down(DEFAULT_STOP_MS);
  }

  #spawn(): ReturnType<typeof spawn> {
    const { file, args, env, cwd, uid, gid } = this.spec;
    const output = fs.openSync(this.#logFile, 'a', 0o600);
    const child = spawn(file, args, {
      env,
      cwd: cwd ?? '/',
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      detached: true, // a group of its own: the terminal's Ctrl-C reaches only us, and we stop things in order
      stdio: ['ignore', output, output],
    });
    fs.closeSync(output);
    child.once('error', (error) => fs.appendFileSync(this.#logFile, `${file}: ${error.message}\n`));
    this.pid = child.pid;
    this.#startedAt = Date.now();
    this.#options.onChange();
    return child;
  }

  /** Restarts the command whenever it closes, whatever its exit code. */
  #keep(command: Command): Command {
    this.#command = command;
    command.close.subscribe(({ exitCode }) => this.#ended(exitCode));
    return command;
  }

  #ended(exitCode: string | number): void {
    this.killGroup();
    this.pid = undefined;
    this.#deaths += 1;
    this.#lastEnd = typeof exitCode === 'number' ? `code ${exitCode}` : exitCode;
    this.#options.onChange();
    if (this.#state !== 'running') return;
    if (Date.now() - this.#startedAt > STEADY_AFTER_MS) this.#restartDelay = FIRST_RESTART_MS;
    if (this.#wasReady) this.#options.log(`  ${this.name} ended (${this.#lastEnd}); restarting it`);
    this.#timer = setTimeout(() => {
      this.restarts += 1;
      this.#command?.start();
    }, this.#restartDelay);
    this.#restartDelay = Math.min(this.#restartDelay * 2, LONGEST_RESTART_MS);
  }

  async #untilReady(): Promise<void> {
    const { ready, readyTimeoutMs = DEFAULT_READY_MS } = this.spec;
    const givenUp = (): boolean => !this.#wasReady && this.#deaths >= DEATHS_BEFORE_GIVING_UP;
    const probe = async (): Promise<boolean> =>
      givenUp() || (this.pid !== undefined && (await ready?.()) !== false);
    const answered = await poll(probe, readyTimeoutMs);
    if (this.#state === 'stopping' || (answered && !givenUp())) return;
    const why = givenUp()
      ? `ended at its start (${this.#lastEnd})`
      : `was not ready after ${readyTimeoutMs / 1000} s`;
    await this.stop();
    throw new StackError(`${this.name} ${why}; the end of ${this.#logFile}:\n${this.lastLog()}`);
  }

  async #down(timeoutMs: number): Promise<boolean> {
    return poll(() => Promise.resolve(this.pid === undefined), timeoutMs, 20);
  }
}

/** Puts an overgrown log aside; returns where this run's part of the log begins. */
function rotate(file: string): number {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= MAX_LOG_BYTES) return size;
  fs.renameSync(file, `${file}.1`);
  return 0;
}
