/** What isn't a success, as the API's description has it: shapes, examples and headers. */
import { z } from 'zod';
import { KEY_ROLES } from '../domain/key-roles.ts';
import { FAILED } from './answer-examples.ts';
import { answer, failedMembers, type Answer } from './answers.ts';

const members = {
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string(),
};
const exampleOf = (status: number, title: string, detail: string) => ({
  type: 'about:blank' as const,
  title,
  status,
  detail,
});

const PROBLEM = answer('Problem', z.object(members), exampleOf(404, 'Not found', 'There is no such agent.'));
const INVALID = answer(
  'InvalidRequest',
  z.object({
    ...members,
    errors: z.array(z.object({ field: z.string(), problem: z.string() })).min(1),
  }),
  {
    ...exampleOf(400, 'Invalid request', 'userId is required'),
    errors: [{ field: 'userId', problem: 'is required' }],
  },
);
const ROLE_MISSING = answer(
  'RoleMissing',
  z.object({ ...members, missingRole: z.enum(KEY_ROLES), role: z.enum(KEY_ROLES) }),
  {
    ...exampleOf(
      403,
      'Role missing',
      'This call needs an API key of the role admin; the key that was sent has the role chat.',
    ),
    missingRole: 'admin',
    role: 'chat',
  },
);
const TOO_MANY = answer(
  'TooMany',
  z.object({
    ...members,
    limit: z.enum(['user', 'tenant', 'share']).optional().describe('Whose limit is reached'),
    retryAfterMs: z.number().min(0).optional(),
  }),
  {
    ...exampleOf(
      429,
      'Too many messages',
      'The limit of this user is reached; send the message again later.',
    ),
    limit: 'user',
    retryAfterMs: 1_000,
  },
);
const NO_REPLY = answer('NoReply', z.object({ ...members, ...failedMembers }), {
  ...exampleOf(502, 'No reply', FAILED.reply.text),
  ...FAILED,
});

export const RETRY_AFTER = {
  'Retry-After': {
    description: 'Seconds to wait before the same request is sent again',
    required: true,
    schema: { type: 'integer', minimum: 0 },
    example: 1,
  },
};
const LOCATION = {
  Location: { description: 'Where the message is', required: true, schema: { type: 'string' } },
};
export const BEARER = {
  'WWW-Authenticate': { required: true, schema: { type: 'string', const: 'Bearer' }, example: 'Bearer' },
};

const problem = (description: string, { id, example }: Answer, more: { headers?: object } = {}) => ({
  description,
  ...more,
  content: { 'application/problem+json': { schema: { $ref: `#/components/schemas/${id}` }, example } },
});
/** A problem without members of its own. */
const plain = (description: string, status: number, title: string, detail: string, more = {}) =>
  problem(description, { ...PROBLEM, example: exampleOf(status, title, detail) }, more);

/** What several calls answer, by the name that they refer to it by. */
export const PROBLEM_RESPONSES = {
  Invalid: problem('Invalid request; `errors[0].field` names the field', INVALID),
  Unauthorized: plain(
    'No, wrong, revoked or expired key',
    401,
    'Unauthorized',
    'Authorization: Bearer must hold an API key of a tenant that is neither revoked nor expired.',
    { headers: BEARER },
  ),
  Unproven: plain(
    'What came is not proven to be the channel’s',
    401,
    'Unauthorized',
    'A signature is needed.',
  ),
  RoleMissing: problem('The key has not the role that the call needs; `missingRole` names it', ROLE_MISSING),
  NotFound: problem('Not there, or not yours', PROBLEM),
  TooLarge: problem('The body or a text in it is too long', {
    ...INVALID,
    example: {
      ...exampleOf(413, 'Too large', 'text must be at most 32,000 characters'),
      errors: [{ field: 'text', problem: 'must be at most 32,000 characters' }],
    },
  }),
  NotJson: plain(
    'The body is not what the call takes',
    415,
    'Not JSON',
    'The body must be JSON, and Content-Type: application/json must say so.',
  ),
  TooMany: problem('Too many such requests; try again after Retry-After seconds', TOO_MANY, {
    headers: RETRY_AFTER,
  }),
  Internal: plain(
    'A fault of ours, which is logged',
    500,
    'Internal error',
    'Something went wrong here; it has been logged.',
  ),
  Unavailable: plain(
    'A service is away; repeat the request after Retry-After seconds',
    503,
    'Temporarily unavailable',
    'The database can’t be reached; repeat the request later.',
    { headers: RETRY_AFTER },
  ),
  NoReply: problem('The model failed for good; the turn is marked failed', NO_REPLY, { headers: LOCATION }),
  KeyReused: problem('The Idempotency-Key was used for another message', {
    ...INVALID,
    example: {
      ...exampleOf(
        422,
        'Idempotency key reused',
        'Idempotency-Key was used before with another request: use a new key for a new message.',
      ),
      errors: [{ field: 'Idempotency-Key', problem: 'was used before with another request' }],
    },
  }),
} as const;

/** 409, which says each time something else. */
export const conflict = (description: string, title: string, detail: string) =>
  plain(description, 409, title, detail);
