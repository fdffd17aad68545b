/** What the API's description is put together from. */
import { z } from 'zod';
import { AUDIT_PAGE, type Answer } from './answers.ts';
import { rolesOf, TENANT_CALLS } from './calls.ts';
import { PROBLEM_RESPONSES } from './problem-answers.ts';
import { pageQuery } from './schemas.ts';
import { SESSION_COOKIE, SHOWN_SESSION } from './session.ts';

/** What a call may ask for. */
export const SECURITY_SCHEMES = {
  tenantApiKey: { type: 'http', scheme: 'bearer', description: 'An API key of the tenant, of a role' },
  operatorToken: { type: 'http', scheme: 'bearer', description: 'KONSTRUCT_OPERATOR_TOKEN' },
  consoleSession: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description:
      'Who has signed in to the console: below /v1 in place of the key or the token. By https its name begins ' +
      `with __Host-. A request whose header ${SHOWN_SESSION} names another session, by the id of its key or as ` +
      'operator, is a 401',
  },
};

/** A schema as JSON has it, without what only says that a number is JavaScript's. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'input'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema: made }) => tidy(made),
  });
  return rest;
}

/** `format` says more than the pattern that zod adds to it. */
export function tidy(made: z.core.JSONSchema.BaseSchema): void {
  if (made.format !== undefined) delete made.pattern;
  if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
  if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
}

/** A body. */
export const json = <S extends z.ZodType>(schema: S, example: z.input<S>) => ({
  content: { 'application/json': { schema: jsonSchema(schema), example } },
});
/** A response without a body. */
export const described = (description: string) => ({ description });
/** A response. */
export const responds = (
  description: string,
  { id, example }: Answer,
  headers: Record<string, object> = {},
) => ({
  description,
  headers,
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${id}` }, example } },
});
/** Headers of a response. */
export const LOCATION = {
  Location: { description: 'Where to look it up', required: true, schema: { type: 'string' } },
};
export const PREFERENCE_APPLIED = {
  'Preference-Applied': {
    description: 'How long the answer was waited for',
    schema: { type: 'string' },
    example: 'wait=60',
  },
};

/** A part of the path: one of our ids, unless it says otherwise. */
export const path = (name: string, schema: object = { type: 'string', format: 'uuid' }) => ({
  name,
  in: 'path',
  required: true,
  schema,
});
/** A field of the query. */
export const query = (name: string, description: string, schema: object = { type: 'string' }) =>
  parameter('query', name, description, schema);
export const header = (name: string, description: string, schema: object = { type: 'string' }) =>
  parameter('header', name, description, schema);
const parameter = (where: 'query' | 'header', name: string, description: string, schema: object) => ({
  name,
  in: where,
  description,
  schema,
});

/** Who may make a call, each alternative by itself: OpenAPI has the names of roles here. */
export function keysFor(action: string): ReadonlyArray<Record<string, readonly string[]>> {
  const call = TENANT_CALLS.find((known) => known.action === action);
  if (!call) throw new Error(`${action} doesn’t stand in src/api/calls.ts`);
  return rolesOf(call).map((role) => ({ tenantApiKey: [role] }));
}

const problem = (name: keyof typeof PROBLEM_RESPONSES) => ({ $ref: `#/components/responses/${name}` });
/** What any call with a key may answer. */
const OF_KEYS = {
  401: problem('Unauthorized'),
  403: problem('RoleMissing'),
  429: problem('TooMany'),
  500: problem('Internal'),
  503: problem('Unavailable'),
};
const OF_OPERATOR = {
  401: problem('Unauthorized'),
  500: problem('Internal'),
  503: problem('Unavailable'),
};
/** What more a call may answer: one that may have a body, one with other input, one that names something. */
const BODY = { 400: problem('Invalid'), 413: problem('TooLarge'), 415: problem('NotJson') };
const INPUT = { 400: problem('Invalid') };
const NAMED = { 404: problem('NotFound') };
export const NO_REPLY = { 502: problem('NoReply') };
export const KEY_REUSED = { 422: problem('KeyReused') };

type Kind = 'body' | 'input' | 'named';
const KINDS: Record<Kind, object> = { body: BODY, input: INPUT, named: NAMED };
const ofKinds = (kinds: readonly Kind[]): object =>
  Object.fromEntries(kinds.flatMap((kind) => Object.entries(KINDS[kind])));
/** The problems of a call, by what it takes. */
export const keyProblems = (...kinds: Kind[]) => ({ ...OF_KEYS, ...ofKinds(kinds) });
export const operatorProblems = (...kinds: Kind[]) => ({ ...OF_OPERATOR, ...ofKinds(kinds) });
/** Those of a call with a body that is about something which exists. */
export const PROBLEMS = keyProblems('body', 'named');

/** How a list is asked for. */
export const pageOf = (rows: string) => [
  query(
    'limit',
    `${rows} of a page; a page ends earlier when it has 1 MB`,
    jsonSchema(pageQuery.shape.limit, 'output'),
  ),
  query('cursor', 'The nextCursor of the page before', jsonSchema(pageQuery.shape.cursor)),
];

/** How the audit log is asked for, and what it gives. */
export const PAGE_OF_AUDIT = pageOf('Entries');
export const AUDIT = { 200: responds('A page of entries; `nextCursor` is null on the last', AUDIT_PAGE) };
