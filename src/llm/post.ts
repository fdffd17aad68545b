/** One request to a server, and its answer as far as it came. */
import { createAnswerBuilder, type BuiltAnswer } from './answer-builder.ts';
import { LlmUnavailableError } from './errors.ts';
import { createAnswerReader, type AnswerReader, type BodyKind } from './read-answer.ts';
import type { ServerError } from './problem.ts';

/** After its last word a server has this long for counts and for closing the stream. */
const LINGER_MS = 2_000;
const MAX_ERROR_CHARACTERS = 64_000;

export type Server = { url: string; headers: Readonly<Record<string, string>> };

export type Posted =
  | { kind: 'error'; error: ServerError & { status: number } }
  | { kind: 'answer'; answer: BuiltAnswer; body: BodyKind; firstTokenMs: number | undefined };

/**
 * Posts `body` and reads what comes. Rejects with `LlmUnavailableError` for a server that can't be reached,
 * keeps silent for `silenceMs` or isn't done by `deadline` (`performance.now()`), with the reason of `signal`
 * when that aborts. A connection that breaks off gives what came; whether that is whole the answer says.
 */
export async function post(
  server: Server,
  body: unknown,
  options: {
    silenceMs: number;
    deadline: number;
    mayOmitTag: boolean;
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
      signal: signal ? AbortSignal.any([signal, watch.signal]) : watch.signal,
    });
    watch.heard();
    if (!response.ok) {
      const { status, headers } = response;
      return { kind: 'error', error: { status, headers, body: await readError(response, watch) } };
    }
    return await readAnswer(response, { ...options, watch, started });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LlmUnavailableError) throw error;
    if (watch.isOver()) throw new LlmUnavailableError(watch.complaint(), { timedOut: true });
    throw new LlmUnavailableError(`the LLM could not be reached${networkCode(error)}`);
  } finally {
    watch.stop();
  }
}

async function readAnswer(
  response: Response,
  options: Parameters<typeof post>[2] & { watch: Watch; started: number },
): Promise<Posted> {
  const { watch, started, signal, onProgress } = options;
  const body: AsyncIterable<Uint8Array> | [] = response.body ?? [];
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
  try {
    for await (const bytes of body) {
      watch.heard();
      pushTo(reader, bytes);
      if (builder.isOver()) break;
      if (builder.isFinished() !== lingers) {
        lingers = builder.isFinished();
        watch.endWithin(lingers ? LINGER_MS : undefined);
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    // What came after the last word doesn't matter.
    if (!builder.isFinished()) {
      if (watch.isOver() || error instanceof LlmUnavailableError) throw error;
      throw new LlmUnavailableError(`the LLM’s answer broke off${networkCode(error)}`);
    }
  }
  const kind = await endOf(reader);
  return { kind: 'answer', answer: builder.end(), body: kind, firstTokenMs };
}

/** Whatever a body makes of its reader is the body's fault. */
const unreadable = (): Error =>
  new LlmUnavailableError('the LLM’s answer could not be read', { unreadable: true });

function pushTo(reader: AnswerReader, bytes: Uint8Array): void {
  try {
    reader.push(bytes);
  } catch {
    throw unreadable();
  }
}

async function endOf(reader: AnswerReader): Promise<BodyKind> {
  try {
    return await reader.end();
  } catch {
    throw unreadable();
  }
}

async function readError(response: Response, watch: Watch): Promise<string> {
  const decoder = new TextDecoder();
  const body: AsyncIterable<Uint8Array> | [] = response.body ?? [];
  let text = '';
  try {
    for await (const bytes of body) {
      watch.heard();
      text += decoder.decode(bytes, { stream: true });
      if (text.length > MAX_ERROR_CHARACTERS) break;
    }
  } catch {
    // The status says enough.
  }
  return text.slice(0, MAX_ERROR_CHARACTERS);
}

/** The code of a network error (`ECONNREFUSED`): its message may name addresses. */
function networkCode(error: unknown): string {
  for (let at = error; Error.isError(at); at = at.cause) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code)) return ` (${code})`;
  }
  return '';
}

type Watch = ReturnType<typeof watchTime>;

/** Ends a request that takes too long: as a whole, or between two signs of life. */
function watchTime({ silenceMs, deadline }: { silenceMs: number; deadline: number }) {
  const controller = new AbortController();
  let over: 'silent' | 'long' | undefined;
  const end = (why: 'silent' | 'long') => () => {
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
    isOver: () => over !== undefined,
    complaint: () => (over === 'silent' ? `the LLM was silent for ${silenceMs} ms` : 'the LLM took too long'),
    stop: () => {
      clearTimeout(silence);
      clearTimeout(whole);
    },
  };
}
