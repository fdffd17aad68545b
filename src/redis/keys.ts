/**
 * Every Redis key Konstruct uses. The tenant always comes first, and of each key only the last part is
 * free text, so no id, whatever it contains, can name another tenant's key or another kind of key.
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

/** Rate limit of all users of a tenant together. A kind of its own, so that no user's id can name it. */
export function tenantRateLimitKey(tenantId: string): string {
  return join({ tenantId }, 'tenant_rate_limit');
}

/** A message already seen. */
export function idempotencyKey(tenantId: string, messageId: string): string {
  return join({ tenantId }, 'idempotency', { messageId });
}

/** State of one thread. */
export function sessionKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'session', { threadId });
}

/** Threads in which an agent answers without being mentioned again. */
export function engagedThreadKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'engaged', { threadId });
}

/** Whether a thread was handed to a person. */
export function escalationStatusKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'escalation', { threadId });
}

/** A tool call that waits for a person's yes. */
export function pendingToolConfirmKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'tool_confirm', { threadId });
}

function join(...parts: ReadonlyArray<string | Record<string, string>>): string {
  return parts.map((part) => (typeof part === 'string' ? part : checked(part))).join(':');
}

function checked(part: Record<string, string>): string {
  const [name, id] = Object.entries(part)[0] ?? ['id', ''];
  const problem = idProblem(id);
  if (problem) throw new TypeError(`${name} ${problem}`);
  return id;
}
