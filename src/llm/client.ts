import OpenAI, { APIConnectionError, APIError, APIUserAbortError } from 'openai';
import type { PromptMessage } from '../domain/conversation.ts';
import type { TokenUsage } from '../domain/turn.ts';

/** A finished answer of the model. */
export type Completion = {
  text: string;
  model: string;
  usage: TokenUsage | null;
  firstTokenMs: number;
  totalMs: number;
};

export type CompletionRequest = {
  model: string;
  messages: readonly PromptMessage[];
  signal?: AbortSignal;
  /** Called for each chunk of the stream, with the text so far. */
  onProgress?: (textSoFar: string) => void;
};

/** A client for any server with OpenAI's chat completions API. */
export type LlmClient = {
  /** Rejects with `LlmRejectedError`, `LlmUnavailableError`, or the abort of `signal`. */
  complete(request: CompletionRequest): Promise<Completion>;
};

/** The server refuses this request, and a retry won't help: a wrong key, model or prompt. */
export class LlmRejectedError extends Error {
  override readonly name = 'LlmRejectedError';
}

/** The server is busy, broken or unreachable. `retryAfterMs` is the delay that a 429 or 503 asks for. */
export class LlmUnavailableError extends Error {
  override readonly name = 'LlmUnavailableError';
  readonly retryAfterMs: number | undefined;
  constructor(message: string, options: { cause: unknown; retryAfterMs: number | undefined }) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Statuses for which a retry won't help. 408, 409, 425, 429 and all 5xx are worth a retry. */
const PERMANENT = new Set([400, 401, 403, 404, 405, 410, 413, 414, 415, 422]);

/**
 * Makes a client that streams, so that a time limit can apply to silence and not to a long answer. It never
 * retries: Temporal does, and records every attempt.
 */
export function createLlmClient(options: { baseUrl: string; apiKey: string }): LlmClient {
  const openai = new OpenAI({
    baseURL: options.baseUrl,
    apiKey: options.apiKey,
    maxRetries: 0,
    timeout: 60_000,
  });
  return {
    async complete({ model, messages, signal, onProgress }) {
      const started = performance.now();
      let text = '';
      let usage: TokenUsage | null = null;
      let answeredBy = model;
      let firstTokenMs: number | undefined;
      let finished = false;
      try {
        const stream = await openai.chat.completions.create(
          { model, messages: [...messages], stream: true, stream_options: { include_usage: true } },
          signal ? { signal } : {},
        );
        for await (const chunk of stream) {
          answeredBy = chunk.model || answeredBy;
          if (chunk.usage) {
            usage = {
              promptTokens: chunk.usage.prompt_tokens,
              completionTokens: chunk.usage.completion_tokens,
            };
          }
          finished ||= Boolean(chunk.choices[0]?.finish_reason);
          const piece = chunk.choices[0]?.delta.content;
          if (!piece) continue;
          firstTokenMs ??= performance.now() - started;
          text += piece;
          onProgress?.(text);
        }
      } catch (error) {
        throw translate(error);
      }
      if (!finished) {
        // A proxy that closes the connection looks like a normal end.
        // Half an answer must not count as a whole one.
        throw new LlmUnavailableError('the LLM’s stream ended before the answer was finished', {
          cause: undefined,
          retryAfterMs: undefined,
        });
      }
      const totalMs = performance.now() - started;
      return {
        text: storable(text),
        model: answeredBy,
        usage,
        firstTokenMs: firstTokenMs ?? totalMs,
        totalMs,
      };
    },
  };
}

/**
 * Postgres rejects NUL, and Redis' JSON library lone surrogates: a turn with either could never be stored.
 */
const storable = (text: string): string => text.replaceAll('\u0000', '').toWellFormed();

function translate(error: unknown): unknown {
  if (error instanceof APIUserAbortError || error instanceof LlmUnavailableError) return error;
  if (error instanceof APIError && !(error instanceof APIConnectionError)) {
    const { status, headers } = error as { status?: number; headers?: Headers };
    const message = `the LLM answered ${status ?? 'with an error in the stream'}: ${error.message}`;
    if (status !== undefined && PERMANENT.has(status)) return new LlmRejectedError(message, { cause: error });
    return new LlmUnavailableError(message, { cause: error, retryAfterMs: retryAfterMs(headers) });
  }
  // Not `instanceof Error`: in a vm context (jest), fetch throws errors of another realm.
  if (Error.isError(error)) {
    return new LlmUnavailableError(`the LLM could not be reached: ${error.message}`, {
      cause: error,
      retryAfterMs: undefined,
    });
  }
  return error;
}

/**
 * The delay that a response asks for, from `Retry-After` (seconds or a date) or OpenAI's `retry-after-ms`.
 * Undefined when there is none or it can't be parsed.
 */
export function retryAfterMs(headers: Headers | undefined, now: number = Date.now()): number | undefined {
  const milliseconds = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return milliseconds;
  const value = headers?.get('retry-after')?.trim();
  if (!value) return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
