/** What a server's error means, from its status and its body. Nothing of the body leaves this module. */
import type { LlmFailureReason } from '../domain/failures.ts';
import { contextLimitIn, type ContextLimit } from './context-limit.ts';
import { asObject, asText, readJson } from './json.ts';
import { refusedParameter, type Parameter, type Refusal } from './refused-parameter.ts';
import { retryAfterMs } from './retry-after.ts';
import type { IsSent } from './sent-text.ts';

export type Problem =
  | { kind: 'tooLong'; limit: ContextLimit }
  | { kind: 'parameter'; refusal: Refusal }
  | { kind: 'unspecific' }
  /** The credit is enough for an answer of this many tokens. */
  | { kind: 'afford'; tokens: number }
  | { kind: 'rejected'; reason: LlmFailureReason | undefined }
  | { kind: 'unavailable'; retryAfterMs: number | undefined; overloaded: boolean };

export type ServerError = {
  /** Undefined for an error inside an answer with status 200. */
  status: number | undefined;
  headers?: Headers;
  /** The body or the error in it. */
  body: unknown;
};

/** Fields that repeat what was sent. */
const ECHOES = new Set(['input', 'messages', 'prompt', 'request', 'failed_generation', 'url', 'ctx_input']);

/** Characters of a code or of a parameter's name, which are looked through for many words. */
const MAX_NAME = 200;
/** Codes, types and statuses of one error that are looked at. */
const MOST_CODES = 20;
/** Steps of the place in a request that an error is about. */
const MAX_STEPS = 20;

/** All texts of an error with their field names, as far as they don't repeat the request. */
export function textsOf(body: unknown): { texts: string; codes: Set<string>; param: string; loc: string } {
  const texts: string[] = [];
  const codes = new Set<string>();
  let param = '';
  let loc = '';
  let budget = 200;
  const note = (code: string): void => {
    if (codes.size < MOST_CODES) codes.add(code);
  };
  const visit = (value: unknown, name: string, depth: number): void => {
    if (budget-- <= 0 || depth > 8) return;
    if (typeof value === 'string') {
      const inner = /^\s*[[{]/.test(value) ? readJson(value) : undefined;
      if (inner !== undefined) {
        visit(inner, name, depth + 1);
        return;
      }
      if (/^(?:code|type|status|reason|error_code|error_type|kind)$/.test(name))
        note(value.slice(0, MAX_NAME).toLowerCase());
      else if (name === 'param') param = value.slice(0, MAX_NAME);
      texts.push(value.slice(0, 4_000));
    } else if (typeof value === 'number') {
      if (/code|status/.test(name)) note(String(value));
      if (/^n_/.test(name)) texts.push(`${name}=${value}`);
    } else if (Array.isArray(value)) {
      if (name === 'loc') loc += ` ${stepsOf(value)}`;
      else for (const item of value) visit(item, name, depth + 1);
    } else {
      for (const [field, inner] of Object.entries(asObject(value) ?? {})) {
        if (!ECHOES.has(field)) visit(inner, field, depth + 1);
      }
    }
  };
  visit(typeof body === 'string' ? (readJson(body) ?? body) : body, 'message', 0);
  return { texts: texts.join('\n').slice(0, 16_000), codes, param, loc };
}

/** A place in a request, as validators write it: `body.messages.0.role`. */
function stepsOf(place: readonly unknown[]): string {
  const nameOf = (step: unknown): string =>
    typeof step === 'string' || typeof step === 'number' ? String(step).slice(0, MAX_NAME) : '';
  return place.slice(0, MAX_STEPS).map(nameOf).join('.');
}

/**
 * `sent` are the parameters that the request had, so that none is left out that wasn't there. What `isSent`
 * says of words tells whether the server may only have repeated them.
 */
export function problemOf(
  error: ServerError,
  sent: ReadonlyMap<Parameter, unknown>,
  isSent: IsSent = () => false,
): Problem {
  const read = textsOf(error.body);
  const { texts, codes } = read;
  // Gateways answer 200 and put the status into the body.
  const inner = [...codes].map(Number).find((code) => Number.isInteger(code) && code >= 400 && code < 600);
  const status = error.status !== undefined && error.status >= 400 ? error.status : inner;
  const has = (pattern: RegExp) => pattern.test(texts) || [...codes].some((code) => pattern.test(code));

  if (has(NEVER)) return { kind: 'rejected', reason: undefined };
  if (has(ONLY_THOUGHT)) return { kind: 'rejected', reason: 'onlyThought' };
  const affordable = /can only afford (\d+)/.exec(texts)?.[1];
  if (affordable !== undefined) return { kind: 'afford', tokens: Number(affordable) };
  if (![401, 402, 403, 404].includes(status ?? 0)) {
    const limit = contextLimitIn(texts, codes, status, isSent);
    if (limit) return { kind: 'tooLong', limit };
  }
  // Who may not have streams is refused as a person is: the parameter's name tells the difference.
  const refusable =
    [400, 404, 405, 406, 415, 422, 500, 501].includes(status ?? 400) ||
    (status === 403 && read.param === 'stream');
  const refusal = refusable ? refusedParameter(read, sent, isSent) : undefined;
  if (refusal) return { kind: 'parameter', refusal };
  const wait = retryAfterMs(
    error.headers,
    Date.now(),
    typeof error.body === 'string' ? error.body : JSON.stringify(error.body ?? ''),
  );
  // Under any status: gateways give it that of a bad request.
  if (codes.has('overloaded_error')) return { kind: 'unavailable', retryAfterMs: wait, overloaded: true };
  const reason = reasonOf(status, has, codes, asText(asObject(error.body)?.['type']));
  if (reason === 'outOfCredit' && isOnlyARateLimit(status, codes, texts, wait))
    return { kind: 'unavailable', retryAfterMs: wait, overloaded: true };
  if (reason) return { kind: 'rejected', reason };
  if ([400, 405, 406, 415, 422, 501].includes(status ?? 0)) return { kind: 'unspecific' };
  const passes = status === undefined || status >= 500 || [408, 409, 425, 429].includes(status);
  if (!passes) return { kind: 'rejected', reason: undefined };
  return { kind: 'unavailable', retryAfterMs: wait, overloaded: OVERLOADED.has(status ?? 0) };
}

/** Too many requests; no capacity; Anthropic's and others' own. */
const OVERLOADED: ReadonlySet<number> = new Set([429, 503, 529]);

/** From this country, or at this address, nobody is ever answered. */
const NEVER =
  /unsupported[_ ](?:countr|location|territor)|not (?:available|supported|allowed) (?:in|from) (?:your|this) (?:country|location)|country, region,? or territory not supported|user location is not supported|unexpected endpoint or method|invalid url \(post/i;
/** The cap was reached while it thought. */
const ONLY_THOUGHT = /could not finish the message because max_tokens/i;
const FILTERED =
  /content[_ ]?filter|responsibleaipolicy|content[_ ]?policy|content management policy|usage polic|safety (?:filter|system|reasons)|data_?inspection|content exists risk|prohibited_content|prompt was blocked|was flagged|moderation|guardrail|inappropriate content|high risk|sensitive (?:content|words)|blocklist/i;
const CREDIT =
  /insufficient[_ ](?:quota|balance|credits?|funds)|insufficient_user_quota|credit balance|out of credits?|exceeded your current quota|billing[_ ](?:hard[_ ]limit|not[_ ]active|details)|plans? (?:&|and) billing|billing|payment[_ ]required|account_deactivated|arrears|arrearage|预扣费额度|余额不足|quota.{0,20}(?:exhausted|used up)|more credits|spending limit|access_terminated|(?:no|any)(?: remaining)? credits/i;
/** Of a rate limit, which passes, servers say the same. */
const SPENT =
  /(?:key|usage|spend|budget|cost|monthly|weekly|daily) limit (?:has been |was )?(?:exceeded|reached|hit)|(?:reached|exceeded|hit) (?:your|the) [^\n]{0,40}(?:usage|spend|budget) limit|budget (?:has been )?exceeded|exceeded[ _]budget/i;
const KEY =
  /invalid[_ -]?api[_ -]?key|incorrect api key|api key not valid|api_key_invalid|invalid (?:authentication|token|x-api-key|access token)|authentication(?:_error| fails| failed)|unauthorized|missing api key|no api key|令牌/i;
const MODEL =
  /model[_ ]?not[_ ]?(?:found|exist|available)|unknown[_ ]model|invalid[_ ]model|no such model|model_not_supported|unsupported model|deployment ?not ?found|not a valid model|no endpoints found|(?:model|deployment)\b[^\n]{0,120}(?:does not exist|doesn.t exist|not found|not exist|is not available|not loaded|(?:has been|is|was) (?:deprecated|decommissioned|removed|retired|discontinued|invalid))|decommissioned|on-demand throughput|try pulling it|无可用渠道|no models? loaded/i;

const CODED: ReadonlyArray<{ pattern: RegExp; reason: LlmFailureReason }> = [
  { pattern: /^insufficient_(?:user_)?quota$/, reason: 'outOfCredit' },
  { pattern: /^model_not_(?:found|exist)$/, reason: 'unknownModel' },
  { pattern: /^invalid_api_key$/, reason: 'badKey' },
  { pattern: /^content_filter$/, reason: 'filtered' },
];

function reasonOf(
  status: number | undefined,
  has: (pattern: RegExp) => boolean,
  codes: ReadonlySet<string>,
  type: string | undefined,
): LlmFailureReason | undefined {
  if (status === 402) return 'outOfCredit';
  // A server in trouble may say anything: only its codes count.
  if (status !== undefined && status >= 500 && status !== 501)
    return CODED.find(({ pattern }) => [...codes].some((code) => pattern.test(code)))?.reason;
  if (status !== 429 && status !== 401 && has(FILTERED)) return 'filtered';
  if (has(CREDIT) || (status !== 429 && has(SPENT))) return 'outOfCredit';
  if (status === 429 || status === 408 || status === 409 || status === 425) return undefined;
  if (status === 401 || has(KEY) || type === 'authentication_error') return 'badKey';
  if (has(MODEL) || status === 404 || status === 410) return 'unknownModel';
  return status === 403 ? 'badKey' : undefined;
}

/** Gemini's rate limit speaks of quota and billing, and says when to come again. */
function isOnlyARateLimit(
  status: number | undefined,
  codes: ReadonlySet<string>,
  texts: string,
  wait: number | undefined,
): boolean {
  if (status !== 429 || [...codes].some((code) => /insufficient|billing/.test(code))) return false;
  return (
    (codes.has('resource_exhausted') || /rate limit/i.test(texts)) &&
    (wait !== undefined || /per(?:minute|_minute| min)/i.test(texts))
  );
}

/** Codes that may stand in a message of ours; a server's own words may echo anything. */
const KNOWN_CODES =
  /^(?:\d{3,5}|[a-z]+_error|rate_limit_exceeded|insufficient_quota|model_not_found|invalid_api_key|content_filter|context_length_exceeded|unsupported_(?:parameter|value)|resource_exhausted|unavailable|internal|invalid_argument|not_found|permission_denied|overloaded|server_overloaded|bad_request)$/;

/** " (code)", when the error has one that says something and can't be anything else. */
export function codeOf(body: unknown): string {
  const code = [...textsOf(body).codes].find((one) => one.length <= 40 && KNOWN_CODES.test(one));
  return code === undefined ? '' : ` (${code})`;
}
