import type { ErrorRequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import type { KeyRole } from '../domain/key-roles.ts';
import { setbackOf } from '../intake/availability.ts';
import type { Fault } from '../intake/fields.ts';
import type { IntakeOutcome, RetryOutcome } from '../intake/outcomes.ts';
import { describedPath } from './described-path.ts';

/**
 * An answer that isn't a success, as `application/problem+json` (RFC 9457). Thrown by handlers, sent in one
 * place.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  readonly headers: Record<string, string>;
  readonly members: Record<string, unknown>;

  constructor(
    status: number,
    title: string,
    detail: string,
    more: { headers?: Record<string, string>; members?: Record<string, unknown> } = {},
  ) {
    super(detail);
    this.status = status;
    this.title = title;
    this.headers = more.headers ?? {};
    this.members = more.members ?? {};
  }
}

/** The path has no such method, but these. */
export function methodNotAllowed(methods: readonly string[]): Problem {
  const Allow = methods.join(', ');
  return new Problem(405, 'Method not allowed', `This path takes ${Allow}.`, { headers: { Allow } });
}

/** 404 for what isn't there and for what belongs to another tenant alike: the two can't be told apart. */
export const notFound = (what: string): Problem => new Problem(404, 'Not found', `There is no such ${what}.`);

/** 400 that names the field, or 413 for one that is too large. */
export const badField = ({ field, problem, isTooLarge }: Omit<Fault, 'kind'>): Problem =>
  new Problem(isTooLarge ? 413 : 400, isTooLarge ? 'Too large' : 'Invalid request', `${field} ${problem}`, {
    members: { errors: [{ field, problem }] },
  });

/** 401 that says what `Authorization: Bearer` must hold, or which other proof is missing. */
export const unauthorized = (detail: string, headers: Record<string, string> = {}): Problem =>
  new Problem(401, 'Unauthorized', detail, { headers });

/** 403 that names the role which the key would need. */
export const missingRole = (missing: KeyRole, has: KeyRole): Problem =>
  new Problem(
    403,
    'Role missing',
    `This call needs an API key of the role ${missing}; the key that was sent has the role ${has}.`,
    { members: { missingRole: missing, role: has } },
  );

/** 503 for a service that is away; the sender should repeat the very same request. */
export const unavailable = (service: string): Problem =>
  new Problem(503, 'Temporarily unavailable', `${service} can't be reached; repeat the request later.`, {
    headers: { 'Retry-After': '2' },
  });

/**
 * 503 for a message without an Idempotency-Key that may have been taken: Temporal's answer to its start is
 * missing. OpenAI's clients would send it again by themselves, as another one.
 */
export const maybeTaken = (): Problem =>
  new Problem(
    503,
    'Temporarily unavailable',
    'Temporal did not answer in time, so the message may have been taken. ' +
      'Sent again it is another message; with an Idempotency-Key it would be the same one.',
    { headers: { 'Retry-After': '2', 'x-should-retry': 'false' } },
  );

/** The problem behind an outcome of intake that is no success. */
export function problemOf(outcome: Exclude<IntakeOutcome | RetryOutcome, { kind: 'accepted' }>): Problem {
  switch (outcome.kind) {
    case 'unknown-agent':
      return notFound('agent');
    case 'key-reused':
      return new Problem(
        422,
        'Idempotency key reused',
        'Idempotency-Key was used before with another request: use a new key for a new message.',
        {
          members: {
            errors: [{ field: 'Idempotency-Key', problem: 'was used before with another request' }],
          },
        },
      );
    case 'rate-limited': {
      const { limit, retryAfterMs } = outcome;
      return new Problem(
        429,
        'Too many messages',
        `The limit of this ${limit} is reached; send the message again later.`,
        {
          headers: retryAfter(retryAfterMs),
          members: { limit, retryAfterMs },
        },
      );
    }
    case 'over-share':
      return new Problem(
        429,
        'Too many messages',
        'The service is busy and this tenant has its share of it; send the message again later.',
        {
          headers: retryAfter(outcome.retryAfterMs),
          members: { limit: 'share', retryAfterMs: outcome.retryAfterMs },
        },
      );
    case 'unavailable':
      return unavailable(outcome.service);
    case 'not-failed':
      return new Problem(409, 'Not failed', 'Only a message whose reply has failed can be retried.');
    case 'still-ending':
      return new Problem(
        409,
        'Still ending',
        'The message’s turn has failed and is still telling the person so: retry it when it has ended.',
      );
    case 'too-old':
      return new Problem(
        409,
        'Too old',
        'The message is no longer kept and can’t be retried: send it again.',
      );
  }
}

/** Sends a problem. */
export function sendProblem(res: Response, problem: Problem): void {
  res
    .status(problem.status)
    .set(problem.headers)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: 'about:blank',
        title: problem.title,
        status: problem.status,
        detail: problem.message,
        ...problem.members,
      }),
    );
}

/** Whether a service is away without which nobody gets anything (see `createReadiness`). */
export type IsOutage = () => Promise<boolean>;

/**
 * The last handler: turns whatever was thrown into a problem, and sends that in the call's own shape. What
 * nobody foresaw is logged and stays inside. Of the path the log has what the API's description has: what
 * was sent has ids of people, and any length.
 */
export function problemHandler(
  log: Logger,
  isOutage: IsOutage = () => Promise.resolve(false),
  send = sendProblem,
): ErrorRequestHandler {
  return async (error: unknown, req, res, next) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    const problem = await problemBehind(error, isOutage);
    const path = describedPath(res)?.path ?? 'unmatched';
    if (problem.status >= 500) log.error({ err: error, method: req.method, path }, problem.title);
    send(res, problem);
  };
}

/**
 * What an error is to the client, when there is time to ask. While a service hangs a tenant's requests find
 * its share taken by those before them: that is the service's fault.
 */
export async function problemBehind(error: unknown, isOutage: IsOutage): Promise<Problem> {
  const problem = toProblem(error);
  const isOverShare = problem.members['limit'] === 'share';
  return isOverShare && (await isOutage()) ? unavailable('A service') : problem;
}

/** What an error is to the client. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { type, status } = (error ?? {}) as { type?: string; status?: number };
  const bad = (field: string, problem: string, isTooLarge = false) =>
    badField({ field, problem, isTooLarge });
  switch (type) {
    case 'entity.too.large':
      return bad('body', 'is too large: a text may have at most 32,000 characters', true);
    case 'encoding.unsupported':
      return new Problem(415, 'Compressed body', 'The body must come as it is, without Content-Encoding.');
    default: {
      if (error instanceof URIError) return notFound('path');
      if (status !== undefined && status >= 400 && status < 500) {
        return bad('request', 'could not be read: send JSON in UTF-8');
      }
      const setback = setbackOf(error);
      if (setback) return problemOf(setback);
      return new Problem(500, 'Internal error', 'Something went wrong here; it has been logged.');
    }
  }
}

/** The header that says when to come again, in whole seconds. */
export function retryAfter(ms: number): Record<string, string> {
  return { 'Retry-After': String(Math.ceil(ms / 1_000)) };
}
