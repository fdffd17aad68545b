/** Ids and the names derived from them. Pure; used by workflows too. */

export const MAX_ID_LENGTH = 200;

const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/u;

/**
 * Why a text can't be an id, or null when it can: 1 to 200 characters, no control characters, no
 * lone surrogates (they can't be written as UTF-8, so two ids could meet in one stored key), and neither `.`
 * nor `..`: an id stands in paths, and clients resolve these two there, however they are encoded (RFC 3986,
 * 5.2.4). What is remembered under them could not be looked at, nor forgotten.
 */
export function idProblem(id: string): string | null {
  if (id.length === 0) return 'must not be empty';
  if (id.length > MAX_ID_LENGTH) return `must be at most ${MAX_ID_LENGTH} characters`;
  if (CONTROL_CHARACTERS.test(id)) return 'must not contain control characters';
  if (!id.isWellFormed()) return 'must be well-formed Unicode (it has a lone surrogate)';
  if (id === '.' || id === '..') return 'must not be . or .., which no path can hold: add another character';
  return null;
}

/** The workflow that answers a message. Derived from the message, so a second start finds the first. */
export function handleMessageWorkflowId(tenantId: string, messageId: string): string {
  return `${tenantId}:message:${messageId}`;
}

/** The workflow that embeds and stores a finished turn. */
export function embedAndStoreWorkflowId(tenantId: string, messageId: string): string {
  return `${tenantId}:memory:${messageId}`;
}

/** The workflow that stores what an import has brought. */
export function importMemoryWorkflowId(tenantId: string, importId: string): string {
  return `${tenantId}:import:${importId}`;
}

/** The workflow that derives anew what older code has derived. */
export function reindexWorkflowId(tenantId: string, reindexId: string): string {
  return `${tenantId}:reindex:${reindexId}`;
}

/** What the ids of a tenant's workflows begin with. */
export function workflowIdsOfTenant(tenantId: string): string {
  return `${tenantId}:`;
}

/** The workflow that removes a tenant. It is none of the tenant's own, so it doesn't remove itself. */
export function removeTenantWorkflowId(tenantId: string): string {
  return `remove-tenant:${tenantId}`;
}

/** The workflow that forgets what was said. */
export function forgetUserWorkflowId(tenantId: string, erasureId: string): string {
  return `${tenantId}:erasure:${erasureId}`;
}

const TENANT_OF_WORKFLOW_ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?=:)/u;

/** The tenant of a workflow: its id, a UUID, begins the workflow's. Undefined for any other workflow id. */
export function tenantOfWorkflowId(workflowId: string): string | undefined {
  return TENANT_OF_WORKFLOW_ID.exec(workflowId)?.[0];
}

const TURN_WORKFLOW_ID = /^(?<tenantId>[^:]+):(?:message|memory|erasure):(?<messageId>.+)$/u;

/**
 * The inverse of the constructors above. Undefined for any other workflow id. A tenant's id is a UUID,
 * so the first colon ends it; a message's id may contain colons.
 */
export function parseTurnWorkflowId(workflowId: string): { tenantId: string; messageId: string } | undefined {
  const { tenantId, messageId } = TURN_WORKFLOW_ID.exec(workflowId)?.groups ?? {};
  return tenantId !== undefined && messageId !== undefined ? { tenantId, messageId } : undefined;
}
