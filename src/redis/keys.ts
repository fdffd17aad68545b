/**
 * Every Redis key that Konstruct uses. A key begins with the tenant, and only its last part is free text. So
 * no id, whatever it contains, can form the key of another tenant or of another kind. Every constructor
 * throws a TypeError for an invalid id (see `idProblem`).
 */
import { idProblem } from '../domain/ids.ts';

/** The window of a scope: a list of JSON entries. */
export function memoryShortKey(tenantId: string, agentId: string, userId: string): string {
  return join({ tenantId }, 'memory:short', { agentId }, { userId });
}

/** Rate limit of one user of a tenant. */
export function rateLimitKey(tenantId: string, userId: string): string {
  return join({ tenantId }, 'rate_limit', { userId });
}

/** Rate limit of all users of a tenant together. It is a separate kind, so that no user's id can form it. */
export function tenantRateLimitKey(tenantId: string): string {
  return join({ tenantId }, 'tenant_rate_limit');
}

/** Marks a message as received. */
export function idempotencyKey(tenantId: string, messageId: string): string {
  return join({ tenantId }, 'idempotency', { messageId });
}

/** State of one thread. */
export function sessionKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'session', { threadId });
}

/** Marks a thread in which the agent answers without being mentioned again. */
export function engagedThreadKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'engaged', { threadId });
}

/** Whether a person has taken over a thread. */
export function escalationStatusKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'escalation', { threadId });
}

/** A tool call that waits for a person's confirmation. */
export function pendingToolConfirmKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'tool_confirm', { threadId });
}

function join(...parts: ReadonlyArray<string | Record<string, string>>): string {
  return parts.map((part) => (typeof part === 'string' ? part : validId(part))).join(':');
}

function validId(part: Record<string, string>): string {
  const [name, id] = Object.entries(part)[0] ?? ['id', ''];
  const problem = idProblem(id);
  if (problem) throw new TypeError(`${name} ${problem}`);
  return id;
}
