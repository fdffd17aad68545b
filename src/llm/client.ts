import type { PromptMessage } from '../domain/conversation.ts';
import { DEFAULT_MAX_OUTPUT_TOKENS } from '../domain/prompt.ts';
import { LLM_SILENCE_MS, LLM_WITHIN_MS } from '../domain/timing.ts';
import type { AnswerNotes, TokenUsage } from '../domain/turn.ts';
import type { BuiltAnswer } from './answer-builder.ts';
import { createDesks } from './desk.ts';
import { LlmRejectedError, LlmUnavailableError } from './errors.ts';
import { meaningOf } from './finish.ts';
import { createKnownServers, type Known } from './known-servers.ts';
import { createLessons } from './lessons.ts';
import { post, type Posted, type Server } from './post.ts';
import { codeOf, problemOf, type Problem } from './problem.ts';
import { planRequest, SMALLEST_CAP, type Bareness, type Plan } from './request.ts';
import { createIsSent, type IsSent } from './sent-text.ts';

export { LlmRejectedError, LlmUnavailableError } from './errors.ts';
export { retryAfterMs } from './retry-after.ts';

/** A finished answer of the model. Its text may be empty. */
export type Completion = AnswerNotes & {
  text: string;
  model: string;
  usage: TokenUsage | null;
  firstTokenMs: number;
  totalMs: number;
};

/** Bounds of one request; what an agent leaves open the deployment sets. */
export type LlmLimits = {
  /** How long the server may be silent, before its first byte and between two. */
  silenceMs?: number | undefined;
  /** How long all requests for one answer may take together. */
  withinMs?: number | undefined;
  /** What the model's context holds, in its own tokens. */
  contextTokens?: number | undefined;
  /** The largest answer, in tokens. */
  maxOutputTokens?: number | undefined;
};

export type CompletionRequest = {
  /** Whose time and room it takes to read the answer. */
  tenantId: string;
  /** Whose request it is: what is learned of the server by it serves this agent's requests alone. */
  agentId: string;
  model: string;
  messages: readonly PromptMessage[];
  limits?: LlmLimits;
  signal?: AbortSignal;
  /** Called while the answer grows, with the text so far. Never shows a thought. */
  onProgress?: (textSoFar: string) => void;
};

/** A client for any server with OpenAI's chat completions API, or what passes for it. */
export type LlmClient = {
  /** Rejects with `LlmRejectedError`, `LlmUnavailableError`, or the abort of `signal`. */
  complete(request: CompletionRequest): Promise<Completion>;
};

/** Requests for one answer: the first, and those without what the server refuses. */
const MAX_REQUESTS = 8;

/**
 * Makes a client that sends what strict servers take and takes what odd servers send
 * (docs/decisions/0013-model-client.md). It asks again only with something changed: without a parameter that
 * was refused, or with a shorter prompt. It never retries: Temporal does, and records every attempt.
 */
export function createLlmClient(options: { baseUrl: string; apiKey: string; limits?: LlmLimits }): LlmClient {
  const server = serverOf(options);
  const knownOf = createKnownServers();
  const deskOf = createDesks();
  return {
    async complete(request) {
      const started = performance.now();
      const limits = { ...options.limits, ...withoutUnset(request.limits) };
      const deadline = started + (limits.withinMs ?? LLM_WITHIN_MS);
      const { known, ...lessons } = createLessons(knownOf(request.agentId, request.model));
      const isSent = createIsSent(request.messages);
      const desk = deskOf(request.tenantId);
      let bareness: Bareness = 0;
      let shortened = false;
      let affordable = Infinity;
      for (let requests = 1; ; requests += 1) {
        const plan = planRequest(
          {
            model: request.model,
            messages: request.messages,
            maxOutputTokens: Math.min(affordable, limits.maxOutputTokens ?? DEFAULT_MAX_OUTPUT_TOKENS),
            contextTokens: limits.contextTokens,
          },
          known,
          bareness,
        );
        if (!plan.fits && shortened) throw tooLong();
        const streams = plan.sent.has('stream');
        const posted = await post(server, plan.body, {
          // Without a stream the first byte comes when all is said.
          silenceMs: streams ? (limits.silenceMs ?? LLM_SILENCE_MS) : LLM_WITHIN_MS,
          deadline,
          mayOmitTag: known.omitsTag,
          desk,
          signal: request.signal,
          onProgress: request.onProgress,
        });
        const problem = await desk.inTurn(() => problemIn(posted, plan, isSent));
        if (!problem) {
          if (posted.kind !== 'answer') throw new LlmUnavailableError('the LLM answered an error');
          lessons.keep(posted.answer, plan, bareness);
          return completionOf(posted, plan, request.model, started);
        }
        const { what, said } = problem;
        if (requests >= MAX_REQUESTS)
          throw what.kind === 'tooLong' ? tooLong() : failureOf(what, said, posted);
        if (what.kind === 'tooLong') {
          lessons.limit(what.limit, plan, shortened);
          shortened = true;
        } else if (what.kind === 'parameter') {
          if (!lessons.refusal(what.refusal)) throw failureOf(what, said, posted);
        } else if (what.kind === 'afford' && what.tokens >= SMALLEST_CAP && what.tokens < affordable) {
          affordable = what.tokens;
        } else if (bareness === 0 && isPerhapsTheParameters(posted, what, plan, known)) {
          bareness = 1;
        } else if (
          what.kind === 'unspecific' &&
          bareness < 2 &&
          plan.sent.has(bareness === 0 ? 'stream_options' : 'stream')
        ) {
          bareness = bareness === 0 ? 1 : 2;
        } else throw failureOf(what, said, posted);
      }
    },
  };
}

/** What is wrong with an answer, and how a failure says so; undefined when it can be taken. */
function problemIn(posted: Posted, plan: Plan, isSent: IsSent): { what: Problem; said: string } | undefined {
  if (posted.kind === 'error') {
    const { status, body } = posted.error;
    return {
      what: problemOf(posted.error, plan.sent, isSent),
      said: `the LLM answered ${status}${codeOf(body)}`,
    };
  }
  const { error } = posted.answer;
  if (error === undefined)
    return isFullOfPrompt(posted.answer, plan) ? promptFills(posted.answer) : undefined;
  const what = problemOf({ status: undefined, body: error }, plan.sent, isSent);
  return { what, said: `the LLM answered with an error in the stream${codeOf(error)}` };
}

/**
 * The prompt has filled the context: cut off before a word, and nothing was thought either, though the cap
 * left room for one.
 */
function isFullOfPrompt(answer: BuiltAnswer, { cap }: Plan): boolean {
  if (cap < SMALLEST_CAP) return false;
  const { text, thought, reasoningTokens, completionTokens, refusal } = answer;
  const isSilent = text.trim() === '' && thought === 0 && !reasoningTokens && refusal === '';
  return isSilent && meaningOf(answer.finish) === 'cutOff' && (completionTokens ?? Infinity) <= 1;
}

/** What the server counted is the size of its context, unless it counted nothing. */
function promptFills({ promptTokens = 0 }: BuiltAnswer): { what: Problem; said: string } {
  const limitTokens = promptTokens >= 512 ? promptTokens : undefined;
  return {
    what: { kind: 'tooLong', limit: { limitTokens, promptTokens: undefined } },
    said: 'the prompt filled the LLM’s context',
  };
}

/** Some servers fail over a parameter that they don't know, and don't say so. */
function isPerhapsTheParameters(posted: Posted, what: Problem, plan: Plan, known: Known): boolean {
  return (
    posted.kind === 'error' &&
    posted.error.status === 500 &&
    what.kind === 'unavailable' &&
    what.retryAfterMs === undefined &&
    plan.sent.has('stream_options') &&
    !known.takesAll
  );
}

function failureOf(problem: Problem, said: string, posted: Posted): Error {
  if (problem.kind === 'unavailable') {
    // Who has too much to do says when to come again.
    const brokeOff = posted.kind === 'answer' && posted.isPaid && !problem.overloaded;
    return new LlmUnavailableError(said, { ...problem, brokeOff });
  }
  const reason =
    problem.kind === 'rejected' ? problem.reason : problem.kind === 'afford' ? 'outOfCredit' : undefined;
  return new LlmRejectedError(said, { reason });
}

const tooLong = (): Error =>
  new LlmRejectedError('the prompt is too long for the LLM', { reason: 'tooLong' });

/** Throws for an answer that isn't whole, or isn't one that a person can be given. */
function completionOf(
  posted: Posted & { kind: 'answer' },
  plan: Plan,
  model: string,
  started: number,
): Completion {
  const { answer, body, firstTokenMs, isPaid: brokeOff } = posted;
  if (body === 'page' || body === 'empty') {
    throw new LlmUnavailableError(
      body === 'page' ? 'the LLM’s server answered with a page' : 'the LLM’s answer was empty',
    );
  }
  const text = storable(answer.text);
  const finish = meaningOf(answer.finish);
  if (finish === 'filtered')
    throw new LlmRejectedError('the LLM’s answer was filtered', { reason: 'filtered' });
  if (finish === 'refused' || (text.trim() === '' && answer.refusal !== '')) {
    throw new LlmRejectedError('the LLM refused to answer', { reason: 'refused' });
  }
  if (finish === 'failed') throw new LlmUnavailableError('the LLM gave its answer up', { brokeOff });
  if (!answer.isWhole) {
    // A proxy that closes the connection looks like a normal end.
    // Half an answer must not count as a whole one.
    throw new LlmUnavailableError('the LLM’s stream ended before the answer was finished', { brokeOff });
  }
  if (finish === 'cutOff' && text.trim() === '') {
    throw new LlmRejectedError('the LLM reached its limit before it answered', { reason: 'onlyThought' });
  }
  const { promptTokens, completionTokens, reasoningTokens, thought } = answer;
  const { windowMessages, context, characters } = plan.leftOut;
  const totalMs = performance.now() - started;
  return {
    text,
    model: answer.model === undefined ? model : storable(answer.model),
    usage:
      promptTokens === undefined && completionTokens === undefined
        ? null
        : { promptTokens: promptTokens ?? 0, completionTokens: completionTokens ?? 0 },
    ...(answer.finish !== undefined && { finishReason: answer.finish.slice(0, 60) }),
    ...(finish === 'cutOff' && { cutOff: true as const }),
    ...(reasoningTokens
      ? { reasoning: { tokens: reasoningTokens } }
      : thought > 0 && { reasoning: { characters: thought } }),
    ...((windowMessages > 0 || context || characters > 0) && { droppedFromPrompt: plan.leftOut }),
    firstTokenMs: firstTokenMs ?? totalMs,
    totalMs,
  };
}

/** Where to post, and with which key. The base URL may have a query (Azure's `api-version`). */
export function serverOf({ baseUrl, apiKey }: { baseUrl: string; apiKey: string }): Server {
  const url = new URL(baseUrl);
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith('/chat/completions') ? path : `${path}/chat/completions`;
  const isAzure = /\.azure\.(?:com|us|cn)$/.test(url.hostname);
  return {
    url: url.href,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      // Some gateways compress and don't say so, or say so and don't.
      'accept-encoding': 'identity',
      authorization: `Bearer ${apiKey}`,
      ...(isAzure && { 'api-key': apiKey }),
    },
  };
}

/**
 * Postgres rejects NUL, and Redis' JSON library lone surrogates: a turn with either could never be stored.
 */
const storable = (text: string): string => text.replaceAll('\u0000', '').toWellFormed();

function withoutUnset(limits: LlmLimits = {}): LlmLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
