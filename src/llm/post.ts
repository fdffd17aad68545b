/** One request to a server, and its answer as far as it came. */
import { createAnswerBuilder, type BuiltAnswer } from './answer-builder.ts';
import type { Desk } from './desk.ts';
import { LlmUnavailableError } from './errors.ts';
import { createAnswerReader, type BodyKind } from './read-answer.ts';
import type { ServerError } from './problem.ts';

/** After its last word a server has this long for counts and for closing the stream. */
const LINGER_MS = 2_000;
/** A model that has been at an answer for so long is paid for it, also where the answer isn't finished. */
const PAID_AFTER_MS = 2_000;
const MAX_ERROR_BYTES = 64_000;
/** What is read of a body in one go: of the smallest events that takes some milliseconds. */
const SLICE_BYTES = 16_000;

export type Server = { url: string; headers: Readonly<Record<string, string>> };

/** `isPaid`: the model had been at its answer for a while, so an answer that isn't whole is paid for. */
export type Posted =
  | { kind: 'error'; error: ServerError & { status: number } }
  | {
      kind: 'answer';
      answer: BuiltAnswer;
      body: BodyKind;
      firstTokenMs: number | undefined;
      isPaid: boolean;
    };

/**
 * Posts `body` and reads what comes. Rejects with `LlmUnavailableError` for a server that can't be reached,
 * keeps silent for `silenceMs` or isn't done by `deadline` (`performance.now()`), with the reason of `signal`
 * when that aborts. A connection that breaks off gives what came; whether that is whole the answer says. No
 * redirect is followed: it would send the prompt to wherever the server says, also within our network.
 */
export async function post(
  server: Server,
  body: unknown,
  options: {
    silenceMs: number;
    deadline: number;
    mayOmitTag: boolean;
    desk: Desk;
    signal: AbortSignal | undefined;
    onProgress: ((textSoFar: string) => void) | undefined;
  },
): Promise<Posted> {
  const { signal } = options;
  signal?.throwIfAborted();
  const started = performance.now();
  const watch = watchTime(options);
  try {
    const response = await fetch(server.url, {
      method: 'POST',
      headers: server.headers,
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, watch.signal]) : watch.signal,
    });
    watch.heard();
    const { status, headers } = response;
    if (headers.has('location') && status >= 300 && status < 400) {
      // Who leaves a body unread keeps its connection.
      await response.body?.cancel();
      throw new LlmUnavailableError(`the LLM’s server redirects to another address (${status})`);
    }
    if (!response.ok)
      return {
        kind: 'error',
        error: { status, headers, body: await readError(response, { ...options, watch }) },
      };
    return await readAnswer(response, { ...options, watch, started });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LlmUnavailableError) throw error;
    if (watch.isOver()) throw watch.complaint();
    throw new LlmUnavailableError(`the LLM could not be reached${networkCode(error)}`);
  } finally {
    watch.stop();
  }
}

type Reading = Parameters<typeof post>[2] & { watch: Watch };

async function readAnswer(response: Response, options: Reading & { started: number }): Promise<Posted> {
  const { watch, desk, started, signal, onProgress } = options;
  const builder = createAnswerBuilder({ mayOmitTag: options.mayOmitTag });
  let firstTokenMs: number | undefined;
  let shownLength = 0;
  let lingers = false;
  const look = (): void => {
    if (builder.hasBegun()) firstTokenMs ??= performance.now() - started;
    if (!onProgress) return;
    const shown = builder.shown();
    if (shown.length > shownLength) onProgress(shown);
    shownLength = shown.length;
  };
  const reader = createAnswerReader({
    take: (piece) => {
      builder.take(piece);
      look();
    },
    markWhole: builder.markWhole,
  });
  const held = desk.hold(watch.crowdOut);
  const take = async (bytes: Uint8Array): Promise<boolean> => {
    await readably(desk.inTurn(() => reader.push(bytes)));
    held.set(reader.held() + 2 * builder.held());
    if (builder.isFinished() !== lingers) {
      lingers = builder.isFinished();
      watch.endWithin(lingers ? LINGER_MS : undefined);
    }
    return builder.isOver();
  };
  try {
    await eachSlice(response, watch, take).catch((error: unknown) => {
      signal?.throwIfAborted();
      // What came after the last word doesn't matter.
      if (builder.isFinished()) return;
      if (watch.isOver() || error instanceof LlmUnavailableError) throw error;
      throw new LlmUnavailableError(`the LLM’s answer broke off${networkCode(error)}`, {
        brokeOff: isPaid(started, reader.kind() === 'document' ? 0 : firstTokenMs),
      });
    });
    const body = await readably(reader.end(desk.inTurn));
    const answer = await desk.inTurn(builder.end);
    // One that is whole says all by itself: an error has no words.
    const isOfModel = builder.hasBegun() || (!answer.isWhole && answer.error === undefined);
    const begunMs = body !== 'document' ? firstTokenMs : isOfModel ? 0 : undefined;
    return { kind: 'answer', answer, body, firstTokenMs, isPaid: isPaid(started, begunMs) };
  } finally {
    held.end();
  }
}

/** Reads a body as long as `take` doesn't say that it was enough. While it takes, the server has to wait. */
async function eachSlice(
  response: Response,
  watch: Watch,
  take: (bytes: Uint8Array) => Promise<boolean>,
): Promise<void> {
  const body: AsyncIterable<Uint8Array> | [] = response.body ?? [];
  for await (const bytes of body) {
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      watch.heard();
      if (await take(bytes.subarray(at, at + SLICE_BYTES))) return;
    }
    // It may have waited for its turn: the server's silence begins now.
    watch.heard();
  }
}

const unreadable = (): Error =>
  new LlmUnavailableError('the LLM’s answer could not be read', { unreadable: true });

/** Whatever a body makes of its reader is the body's fault. */
async function readably<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch {
    throw unreadable();
  }
}

async function readError(response: Response, { desk, watch }: Reading): Promise<string> {
  const kept = new Uint8Array(MAX_ERROR_BYTES);
  let size = 0;
  const take = async (bytes: Uint8Array): Promise<boolean> => {
    const some = bytes.subarray(0, MAX_ERROR_BYTES - size);
    await desk.inTurn(() => kept.set(some, size));
    size += some.length;
    return size === MAX_ERROR_BYTES;
  };
  // A body that breaks off: the status says enough.
  await eachSlice(response, watch, take).catch(() => undefined);
  return new TextDecoder().decode(kept.subarray(0, size));
}

/** The code of a network error (`ECONNREFUSED`): its message may name addresses. */
function networkCode(error: unknown): string {
  for (let at = error; Error.isError(at); at = at.cause) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code)) return ` (${code})`;
  }
  return '';
}

/**
 * Whether a model has been at its answer for a while: since its first word or thought came. One that comes as
 * a document begins to come when all is said, so then it was at work from the request on. Time alone proves
 * nothing: a gateway waits as long for a server that isn't there.
 */
const isPaid = (started: number, begunMs: number | undefined): boolean =>
  begunMs !== undefined && performance.now() - started - begunMs >= PAID_AFTER_MS;

type Watch = ReturnType<typeof watchTime>;

/** Ends a request that takes too long: as a whole, or between two signs of life. */
function watchTime({ silenceMs, deadline }: { silenceMs: number; deadline: number }) {
  const controller = new AbortController();
  let over: 'silent' | 'long' | 'crowded' | undefined;
  const end = (why: NonNullable<typeof over>) => () => {
    over ??= why;
    controller.abort();
  };
  const silence = setTimeout(end('silent'), silenceMs);
  let whole = setTimeout(end('long'), Math.max(0, deadline - performance.now()));
  return {
    signal: controller.signal,
    heard: () => void silence.refresh(),
    /** Undefined: by the deadline, as at first. */
    endWithin: (ms: number | undefined) => {
      clearTimeout(whole);
      whole = setTimeout(end('long'), ms ?? Math.max(0, deadline - performance.now()));
    },
    /** What is held of its answer is more than there is room for. */
    crowdOut: end('crowded'),
    isOver: () => over !== undefined,
    complaint: () => {
      if (over === 'crowded') return unreadable();
      const said = over === 'silent' ? `the LLM was silent for ${silenceMs} ms` : 'the LLM took too long';
      return new LlmUnavailableError(said, { timedOut: true });
    },
    stop: () => {
      clearTimeout(silence);
      clearTimeout(whole);
    },
  };
}
