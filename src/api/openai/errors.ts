/** What went wrong, in OpenAI's shape: its clients make their exceptions of it. */
import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import { problemHandler, type IsOutage, type Problem } from '../problems.ts';

type OpenAiError = { message: string; type: string; param: string | null; code: string | null };

/** By status; what has no row is a fault of the request below 500, and ours from there on. */
const KINDS: Readonly<Record<number, Pick<OpenAiError, 'type' | 'code'>>> = {
  401: { type: 'authentication_error', code: 'invalid_api_key' },
  403: { type: 'permission_error', code: 'role_missing' },
  404: { type: 'invalid_request_error', code: 'not_found' },
  422: { type: 'invalid_request_error', code: 'idempotency_key_reused' },
  429: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  503: { type: 'server_error', code: 'service_unavailable' },
};

/** The body of an error. */
export function openAiError({ status, message, members }: Problem): { error: OpenAiError } {
  const { type, code } =
    KINDS[status] ??
    (status < 500 ? { type: 'invalid_request_error', code: null } : { type: 'server_error', code: null });
  const named = members['code'];
  const [fault] = Array.isArray(members['errors']) ? (members['errors'] as Array<{ field?: unknown }>) : [];
  return {
    error: {
      message,
      type,
      param: typeof fault?.field === 'string' ? (FIELDS[fault.field] ?? fault.field) : null,
      code: typeof named === 'string' ? named : code,
    },
  };
}

/** The names that a message's fields have here. */
const FIELDS: Readonly<Record<string, string>> = { userId: 'user', text: 'messages' };

/** Answers what was thrown. */
export const openAiErrors = (log: Logger, isOutage: IsOutage): ErrorRequestHandler =>
  problemHandler(log, isOutage, (res, problem) => {
    res.status(problem.status).set(problem.headers).json(openAiError(problem));
  });
