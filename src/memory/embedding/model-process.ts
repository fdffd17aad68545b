import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The model in a process of its own, which is started when needed and replaced when it ends or hangs. */
export type ModelProcess = {
  /** A text's tokens, in the rows that the model reads it in. */
  rowsOf(text: PartedText): Promise<TokenRow[]>;
  /**
   * Reads rows together, each as long as the longest: nothing interrupts it. Gives of each row the sums over
   * the tokens of each part, and last those over the tokens around them.
   */
  read(rows: readonly TokenRow[]): Promise<Float32Array[][]>;
  /** The process id, while one runs. */
  pid(): number | undefined;
  close(): Promise<void>;
};

/** The longest row of tokens that the model reads. */
export const ROW_PLACES = 512;

/** A text in its parts, and how many tokens of each the model reads: a row's at most. */
export type PartedText = { parts: readonly string[]; tokensEach: number };

/** The tokens of neighbouring parts. Its `places`, of which two are around the parts, are a row's at most. */
export type TokenRow = { places: number; parts: readonly number[][] };

/** The process ended, or was ended for taking too long, before it answered. */
export class ModelProcessLost extends Error {
  override readonly name = 'ModelProcessLost';
}

const PROGRAM = fileURLToPath(new URL('./embedder-process.mjs', import.meta.url));
const LOADED_WITHIN_MS = 60_000;
/** A process that is at work ends after its call. */
const CLOSED_WITHIN_MS = 3_000;

type Answer = { ready?: true; id?: number; found?: unknown; error?: string };

/**
 * Takes one call at a time, which rejects with `ModelProcessLost` when the process ended or was too slow.
 * `answerWithinMs` bounds a call; loading the model comes on top. With `niceness` other processes of the
 * machine come first.
 */
export function createModelProcess(options: {
  modelsPath: string;
  answerWithinMs: number;
  niceness?: number;
}): ModelProcess {
  const { modelsPath, answerWithinMs, niceness = 0 } = options;
  let current: Promise<ChildProcess> | undefined;
  let running: ChildProcess | undefined;
  let calls = 0;
  let isClosed = false;

  const start = async (): Promise<ChildProcess> => {
    const child = fork(PROGRAM, [modelsPath, String(niceness)], {
      // It needs no secret, so it gets none.
      env: {},
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    running = child;
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2_000)));
    const forget = (): void => {
      if (running !== child) return;
      running = undefined;
      current = undefined;
    };
    // What goes wrong while it is not called is told by its exit.
    child.once('exit', forget).on('error', () => undefined);
    await answerOf(child, LOADED_WITHIN_MS, ({ ready }) => ready === true).catch((error: unknown) => {
      // A process that could not be started has no exit.
      forget();
      throw new ModelProcessLost(said.trim() || 'the model did not load', { cause: error });
    });
    return child;
  };

  /** A start that failed is forgotten, also one that made no process: the next call tries again. */
  const started = (): Promise<ChildProcess> => {
    const starting = start();
    starting.catch(() => {
      if (current === starting) current = undefined;
    });
    return starting;
  };

  const call = async (question: object): Promise<unknown> => {
    if (isClosed) throw new Error('the embedder is closed');
    const child = await (current ??= started());
    const id = (calls += 1);
    const answered = answerOf(child, answerWithinMs, (answer) => answer.id === id);
    child.send({ id, ...question }, () => undefined);
    const { found, error } = await answered;
    if (!found) throw new Error(`the model refused the texts: ${error}`);
    return found;
  };

  return {
    rowsOf: async (text) => (await call({ text })) as TokenRow[],
    read: async (rows) => (await call({ rows: rows.map(({ parts }) => parts) })) as Float32Array[][],
    pid: () => running?.pid,
    async close() {
      isClosed = true;
      const child = running;
      if (!child) return;
      const ended = once(child, 'exit');
      const tooSlow = setTimeout(() => child.kill('SIGKILL'), CLOSED_WITHIN_MS);
      if (child.connected) child.disconnect();
      await ended;
      clearTimeout(tooSlow);
    },
  };
}

/** The first message that fits. A process that is too slow is ended. */
function answerOf(child: ChildProcess, withinMs: number, fits: (answer: Answer) => boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
      act();
    };
    const onMessage = (answer: unknown): void => {
      if (fits(answer as Answer)) settle(() => resolve(answer as Answer));
    };
    const onExit = (code: number | null, signal: string | null): void =>
      settle(() => reject(new ModelProcessLost(`the model's process ended (${signal ?? code})`)));
    const onError = (error: Error): void => settle(() => reject(new ModelProcessLost(error.message)));
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
    if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
  });
}
