/** Errors that say that a prompt is too long, and their numbers. docs/LLM-SERVERS.md has the sources. */

import { isSentInPart, type IsSent } from './sent-text.ts';

/**
 * In the server's own tokens. Both undefined: it doesn't say. `echoed`: it may only repeat what was sent to
 * it.
 */
export type ContextLimit = {
  limitTokens: number | undefined;
  promptTokens: number | undefined;
  echoed?: boolean;
};

const CODES =
  /context_length_exceeded|exceed_context_size|context_window|prompt_too_long|string_above_max_length|max_prompt_tokens|request_too_large|contextwindowexceeded|model_context_window/;

const WORDS =
  /(?:maximum|max|available|model.?s?) context|context (?:length|window|size)|context limit|(?:prompt|input|request|message)s? (?:is|are|was) too (?:long|large)|too many (?:input |total |text )?(?:tokens|text bytes)|(?:prompt|input)[^\n]{0,40}(?:too long|too large)|maximum (?:prompt|input) length|prompt contains \d|input token count|exceed(?:s|ed)?[^\n]{0,60}(?:token limit|max length|number of tokens|context)|n_ctx|`?max_new_tokens`? must be|`?inputs`? must have less|range of input length|reduce (?:the|your) (?:length|prompt|input|message)|request too large|too large for model|prompt exceeds max|tokens? (?:count )?exceeds?|input length|requested tokens|greater than max_seq_len|token limit exceeded|prompt 超长|上下文长度|max_tokens must be at least 1, got -/i;

/** About the answer alone: its cap is to be lowered, and the prompt will do. */
const OUTPUT =
  /max(?:imum)?[_ ](?:output |new_|completion_)?tokens.{0,40}(?:less than|at most|<=)|maximum output/;
const INPUT = /context|prompt|input|messages/;

/** About speed: these name tokens too. */
const NOT_CONTEXT = /per (?:minute|min|day|hour)|\b[TR]P[MDH]\b/i;

const LIMITS: readonly RegExp[] = [
  /max_seq_len (\d+)/,
  /\d+ \+ \d+ > (\d+)/,
  /n_ctx\s*[=:(]\s*(\d+)/,
  /context (?:length|window|size|limit)(?: limit)?(?: of(?: only)?| is| \(|:|=)?\s*\(?(\d+)/,
  /context length[^\d\n]{0,30}\((\d+) tokens/,
  /with (\d+) (?:maximum )?context/,
  /> (\d+)(?: maximum)?/,
  /exceeds? (?:the )?(?:maximum )?(?:number of tokens allowed|limit of|model token limit:?)\s*\(?(\d+)/,
  /token limit:? (\d+)/,
  /must be <= (\d+)/,
  /less than (\d+) tokens/,
  /maximum (?:prompt|input) length is (\d+)/,
  /max input tokens: (\d+)/,
  /range of input length should be \[\d+, (\d+)\]/,
  /cannot exceed (\d+)/,
  /limit[: ]+(\d+)/,
  /maximum of (\d+) tokens/,
  /maximum allowed length \((\d+)/,
];

const PROMPTS: readonly RegExp[] = [
  /length (\d+) is greater than/,
  /n_prompt_tokens\s*[=:]\s*(\d+)/,
  /n_keep \((\d+)\)/,
  /\((\d+) in (?:the )?(?:messages|your prompt)/,
  /\((?:about )?(\d+) of (?:text )?(?:input|messages)/,
  /(\d+) tokens from the input/,
  /(?:at least )?(\d+) input tokens/,
  /first (\d+) tokens/,
  /(?:too long|prompt is too long): (\d+) tokens/,
  /context limit: (\d+) \+/,
  /(?:input )?token count (?:of )?\(?(\d+)/,
  /prompt contains (\d+)/,
  /contains (\d+) tokens/,
  /given: (\d+)/,
  /input \((\d+) tokens\)/,
  /request \((\d+) tokens\)/,
  /resulted in (\d+) tokens/,
  /requested tokens \((\d+)\)/,
  /received (\d+)/,
  /output tokens \((\d+)\)/,
  /requested(?: about)?:? (\d+)/,
  /input length \((\d+)/,
];

/** No server gives more codes for it; each is looked for in what was sent. */
const MOST_REASONS = 5;

/** Undefined when the error is about something else. */
export function contextLimitIn(
  texts: string,
  codes: ReadonlySet<string>,
  status: number | undefined,
  isSent: IsSent = () => false,
): ContextLimit | undefined {
  const plain = texts
    .slice(0, 8_000)
    .replace(/(?<=\d)[,_](?=\d{3})/g, '')
    // No number of tokens is as long, and each of its digits would be looked for the words behind it.
    .replace(/\d{13,}/g, '…')
    .toLowerCase();
  const tooLargeAtOnce = /request too large|requested \d+/.test(plain) && NOT_CONTEXT.test(plain);
  if (status === 429 || NOT_CONTEXT.test(plain)) {
    // More than a minute's tokens at once: no waiting helps.
    if (!tooLargeAtOnce) return undefined;
    const limit = numbersIn(plain, isSent);
    return (limit.promptTokens ?? 0) > (limit.limitTokens ?? Infinity) ? limit : undefined;
  }
  if (OUTPUT.test(plain) && !INPUT.test(plain)) return undefined;
  const coded = [...codes].filter((code) => CODES.test(code)).slice(0, MOST_REASONS);
  const words = WORDS.exec(plain)?.[0];
  const reasons = [...coded, ...(words === undefined ? [] : [words])];
  if (reasons.length === 0 && status !== 413) return undefined;
  const limit = numbersIn(plain, isSent);
  const echoed = limit.echoed || (status !== 413 && reasons.every((reason) => isSentInPart(reason, isSent)));
  return { ...limit, echoed };
}

/** The numbers that weren't sent, if there are any. */
function numbersIn(text: string, isSent: IsSent): ContextLimit & { echoed: boolean } {
  const limits = digitsOf(LIMITS, text);
  const prompts = digitsOf(PROMPTS, text);
  const isOwn = (digits: string) => !isSent(digits);
  const limit = limits.find(isOwn) ?? limits[0];
  const prompt = prompts.find(isOwn) ?? prompts[0];
  const echoed = [limit, prompt].some((digits) => digits !== undefined && isSent(digits));
  const toNumber = (digits: string | undefined) => (digits === undefined ? undefined : Number(digits));
  return { limitTokens: toNumber(limit), promptTokens: toNumber(prompt), echoed };
}

function digitsOf(patterns: readonly RegExp[], text: string): string[] {
  return patterns.flatMap((pattern) => pattern.exec(text)?.[1] ?? []);
}
