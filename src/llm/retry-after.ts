import { LONGEST_ASKED_WAIT_MS } from '../domain/timing.ts';
import { asObject, readJson } from './json.ts';

/**
 * The delay that a response asks for, in milliseconds: `retry-after-ms`, `Retry-After` (seconds or a date),
 * the reset of the rate limit that is used up, or words in the body ("try again in 7.5s", Gemini's
 * `retryDelay`, Hugging Face's `estimated_time`). Undefined when there is none or it can't be parsed.
 */
export function retryAfterMs(
  headers: Headers | undefined,
  now: number = Date.now(),
  body = '',
): number | undefined {
  const outer = withoutLong(new Map(headers));
  const inner = withoutLong(headersIn(body));
  const told =
    fromRetryAfter(outer, now) ??
    fromRetryAfter(inner, now) ??
    fromWords(body) ??
    fromResets(outer, now) ??
    fromResets(inner, now);
  return told === undefined ? undefined : Math.min(told, LONGEST_ASKED_WAIT_MS);
}

type Named = ReadonlyMap<string, string>;

const withoutLong = (headers: Named): Named =>
  new Map([...headers].filter(([name, value]) => name.length <= MAX_HEADER && value.length <= MAX_HEADER));

/** No header that is read here is longer, its name or its value. */
const MAX_HEADER = 200;

/** OpenRouter's errors have the headers of the server behind it: `error.metadata.headers`. */
function headersIn(body: string): Named {
  const read = asObject(readJson(body));
  const error = asObject(read?.['error']) ?? read;
  const given = asObject(asObject(error?.['metadata'])?.['headers']) ?? {};
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(given)) {
    const told: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof told === 'string' || typeof told === 'number') headers.set(name.toLowerCase(), String(told));
  }
  return headers;
}

function fromRetryAfter(headers: Named, now: number): number | undefined {
  const milliseconds = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return milliseconds;
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? parseSpan(value) : Math.max(0, date - now);
}

/** Headers that tell when a limit is reset, of requests, tokens or whatever: of those used up the last. */
function fromResets(headers: Named, now: number): number | undefined {
  const waits = [...headers].flatMap(([name, value]) => {
    if (!/rate-?limit.*reset/.test(name)) return [];
    const remaining = headers.get(name.replace('reset', 'remaining'));
    if (remaining !== undefined && Number(remaining) > 0) return [];
    const wait = parseSpan(value) ?? parseMoment(value.trim(), now);
    return wait === undefined ? [] : [wait];
  });
  return waits.length > 0 ? Math.max(...waits) : undefined;
}

/** A date, or seconds or milliseconds since 1970; a small number is seconds from now. */
function parseMoment(text: string, now: number): number | undefined {
  const number = Number(text);
  if (!Number.isFinite(number)) {
    const date = Date.parse(text);
    return Number.isNaN(date) ? undefined : Math.max(0, date - now);
  }
  if (number > 1e11) return Math.max(0, number - now);
  return number > 1e9 ? Math.max(0, number * 1000 - now) : number * 1000;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "7.66s", "6m0s", "120ms", "1h2m", "2 minutes": undefined for anything else, a bare number included. */
function parseSpan(text: string): number | undefined {
  const parts = [
    ...text
      .slice(0, 60)
      .matchAll(
        /(\d+(?:\.\d+)?)\s?(ms|milliseconds?|seconds?|secs?|s|minutes?|mins?|m|hours?|h|d)(?![a-z])|(\d+(?:\.\d+)?)(ms|s|m|h|d)(?=\d)/gi,
      ),
  ];
  if (parts.length === 0) return undefined;
  return parts.reduce((sum, [, long, unit, short, shortUnit]) => {
    const name = (unit ?? shortUnit ?? 's').toLowerCase();
    const known = /^m(?:s|illi)/.test(name) ? 'ms' : name.charAt(0);
    return sum + Number(long ?? short) * (UNITS[known] ?? 1_000);
  }, 0);
}

function fromWords(body: string): number | undefined {
  const text = body.slice(0, 20_000);
  const span =
    /"retryDelay"\s*:\s*"([^"]{1,30})"/.exec(text)?.[1] ??
    /(?:(?:try again|retry|again|available) (?:in|after)|wait(?: for| at least)?)\s+(?:about )?(\d[\w. ]{0,40})/i.exec(
      text,
    )?.[1];
  if (span !== undefined) return parseSpan(span) ?? secondsOf(/^\d+(?:\.\d+)?/.exec(span)?.[0]);
  const milliseconds = /"retry_after_ms"\s*:\s*"?(\d+)/.exec(text)?.[1];
  if (milliseconds !== undefined) return Number(milliseconds);
  return secondsOf(
    /"(?:retry_after|retryAfter|retry_after_seconds|estimated_time)"\s*:\s*"?(\d+(?:\.\d+)?)/.exec(text)?.[1],
  );
}

const secondsOf = (digits: string | undefined) => (digits === undefined ? undefined : Number(digits) * 1000);
