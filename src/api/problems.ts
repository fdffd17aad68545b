import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import type { ErrorRequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import type { RateLimited } from '../intake/rate-limiter.ts';

/** An answer that isn't a success, as `application/problem+json` (RFC 9457). Thrown by handlers, sent in one place. */
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

/** 404 for what isn't there and for what belongs to another tenant alike: the two can't be told apart. */
export const notFound = (what: string): Problem => new Problem(404, 'Not found', `There is no such ${what}.`);

/** 400 that names the field. */
export const badField = (field: string, problem: string, status: 400 | 413 = 400): Problem =>
  new Problem(status, status === 413 ? 'Too large' : 'Invalid request', `${field} ${problem}`, {
    members: { errors: [{ field, problem }] },
  });

/** 503 for a service that is away; the sender should repeat the very same request. */
export const unavailable = (service: string): Problem =>
  new Problem(503, 'Temporarily unavailable', `${service} can't be reached; repeat the request later.`, {
    headers: { 'Retry-After': '2' },
  });

/** 422 for an idempotency key that was used for another message. */
export const keyReused = (): Problem =>
  new Problem(
    422,
    'Idempotency key reused',
    'Idempotency-Key was used before with another request: use a new key for a new message.',
    { members: { errors: [{ field: 'Idempotency-Key', problem: 'was used before with another request' }] } },
  );

/** 429: how long to wait is in the header, in seconds, and in the body, in milliseconds. */
export const tooManyMessages = ({ retryAfterMs, limit }: NonNullable<RateLimited>): Problem =>
  new Problem(
    429,
    'Too many messages',
    `The limit of this ${limit} is reached; send the message again later.`,
    {
      headers: { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) },
      members: { limit, retryAfterMs },
    },
  );

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

/** The last handler: turns whatever was thrown into a problem. What nobody foresaw is logged and stays inside. */
export function problemHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    const problem = toProblem(error);
    if (problem.status >= 500) log.error({ err: error, method: req.method, path: req.path }, problem.title);
    sendProblem(res, problem);
  };
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { type, status } = (error ?? {}) as { type?: string; status?: number };
  switch (type) {
    case 'entity.parse.failed':
      return badField('body', 'must be valid JSON');
    case 'entity.too.large':
      return badField('body', 'is too large: a text may have at most 32,000 characters', 413);
    default:
      if (error instanceof URIError) return notFound('path');
      if (status !== undefined && status >= 400 && status < 500) {
        return badField('request', 'could not be read: send JSON in UTF-8, uncompressed or gzip');
      }
      if (isDatabaseAway(error)) return unavailable('The database');
      if (isTemporalAway(error)) return unavailable('Temporal');
      return new Problem(500, 'Internal error', 'Something went wrong here; it has been logged.');
  }
}

/** Whether this is answered 503: the sender is told to come again. */
export const isOutage = (error: unknown): boolean => toProblem(error).status === 503;

/** What Temporal's client throws for everything that isn't an answer about a workflow. */
export function isTemporalAway(error: unknown): boolean {
  return error instanceof ServiceError || isGrpcServiceError(error);
}

/** Connection refused, reset or timed out, or a server that is starting or shutting down (class 57P). */
function isDatabaseAway(error: unknown): boolean {
  // Not instanceof: the socket's errors are of Node's own realm when the code runs in a vm context.
  if (!Error.isError(error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return (
    /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|57P0[1-5]|57014|08\w{3}|53300)$/.test(
      code,
    ) ||
    /timeout exceeded when trying to connect|Connection terminated|Query read timeout|not queryable/i.test(
      error.message,
    )
  );
}
