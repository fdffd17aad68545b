/** What the API's description is put together from. */
import { z } from 'zod';
import { rolesOf, TENANT_CALLS } from './calls.ts';

/** A body. */
export const json = (schema: z.ZodType) => ({
  content: { 'application/json': { schema: z.toJSONSchema(schema, { io: 'input' }) } },
});
/** A response. */
export const described = (description: string) => ({ description });
/** A part of the path. */
export const path = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string' } });
/** A field of the query. */
export const query = (name: string, description: string) => parameter('query', name, description);
export const header = (name: string, description: string) => parameter('header', name, description);
const parameter = (where: 'query' | 'header', name: string, description: string) => ({
  name,
  in: where,
  description,
  schema: { type: 'string' },
});

/** Who may make a call, each alternative by itself: OpenAPI has the names of roles here. */
export function keysFor(action: string): ReadonlyArray<Record<string, readonly string[]>> {
  const call = TENANT_CALLS.find((known) => known.action === action);
  if (!call) throw new Error(`${action} doesn’t stand in src/api/calls.ts`);
  return rolesOf(call).map((role) => ({ tenantApiKey: [role] }));
}

export const OPERATOR_PROBLEMS = {
  400: described('Invalid request; `errors[0].field` names the field'),
  401: described('No, wrong, revoked or expired key'),
  404: described('Not there, or not yours'),
  429: described('Too many such requests; try again after Retry-After seconds'),
  503: described('A service is away; repeat the request after Retry-After seconds'),
};
export const PROBLEMS = {
  ...OPERATOR_PROBLEMS,
  403: described('The key has not the role that the call needs; `missingRole` names it'),
};

/** How a list is asked for. */
export const pageOf = (rows: string) => [
  query('limit', `${rows} of a page, 50 unless given, at most 200; a page ends earlier when it has 1 MB`),
  query('cursor', 'The nextCursor of the page before'),
];

/** How the audit log is asked for, and what it gives. */
export const PAGE_OF_AUDIT = pageOf('Entries');
export const AUDIT = { 200: described('A page of entries; `nextCursor` is null on the last') };
