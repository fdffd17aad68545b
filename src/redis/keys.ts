/**
 * Every Redis key that Konstruct uses. A key begins with the tenant, and only its last part is free text. So
 * no id, whatever it contains, can form the key of another tenant or of another kind. Every constructor
 * throws a TypeError for an invalid id (see `idProblem`).
 */
import { createHash } from 'node:crypto';
import { idProblem } from '../domain/ids.ts';

/** The window of a scope: a list of JSON entries. */
export function memoryShortKey(tenantId: string, agentId: string, userId: string): string {
  return join({ tenantId }, 'memory:short', { agentId }, { userId });
}

/** What the windows of a tenant take: a hash of each one's bytes, and of all of them. */
export function windowSizesKey(tenantId: string): string {
  return join({ tenantId }, 'memory:sizes');
}

/**
 * What of a scope is forgotten: a hash of the number before which all is, and of single turns. It outlives
 * what it keeps out by days, so it names nobody, and is short.
 */
export function memoryErasedKey(tenantId: string, agentId: string, userId: string): string {
  const scope = createHash('sha256').update(validId({ agentId })).update(':').update(validId({ userId }));
  return join({ tenantId }, 'memory:erased', scope.digest('base64url'));
}

/** Rate limit of one user of a tenant. */
export function rateLimitKey(tenantId: string, userId: string): string {
  return join({ tenantId }, 'rate_limit', { userId });
}

/** Rate limit of all users of a tenant together. It is a separate kind, so that no user's id can form it. */
export function tenantRateLimitKey(tenantId: string): string {
  return join({ tenantId }, 'tenant_rate_limit');
}

/** Limit of what a tenant asks of what is there already. */
export function tenantReadLimitKey(tenantId: string): string {
  return join({ tenantId }, 'tenant_read_limit');
}

/** Marks a message as received. */
export function idempotencyKey(tenantId: string, messageId: string): string {
  return join({ tenantId }, 'idempotency', { messageId });
}

/** A reply while it grows, in pieces. */
export function replyPiecesKey(tenantId: string, messageId: string): string {
  return join({ tenantId }, 'reply_pieces', { messageId });
}

/** Marks that a person was told that they write too much. */
export function busyNoticeKey(tenantId: string, userId: string): string {
  return join({ tenantId }, 'busy_notice', { userId });
}

/** The threads between one user and an agent alone: a sorted set of their ids, by when they were noted. */
export function directThreadsKey(tenantId: string, agentId: string, userId: string): string {
  return join({ tenantId }, 'threads_alone', { agentId }, { userId });
}

/** State of one thread. */
export function sessionKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'session', { threadId });
}

/** Marks a thread in which the agent answers without being mentioned again. */
export function engagedThreadKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'engaged', { threadId });
}

/** Marks a turn for which messages were posted while Postgres could not note it. */
export function unrecordedPostsKey(tenantId: string, messageId: string): string {
  return join({ tenantId }, 'unrecorded_posts', { messageId });
}

/** When somebody has stopped what was being answered in a thread, by the channel's clock. */
export function stoppedThreadKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'stopped', { threadId });
}

/** Marks that a person was shown what to ask an agent. */
export function promptsShownKey(tenantId: string, userId: string): string {
  return join({ tenantId }, 'prompts_shown', { userId });
}

/** Whether a person has taken over a thread. */
export function escalationStatusKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'escalation', { threadId });
}

/** A tool call that waits for a person's confirmation. */
export function pendingToolConfirmKey(tenantId: string, threadId: string): string {
  return join({ tenantId }, 'tool_confirm', { threadId });
}

/** The pattern of all keys of a tenant: in a UUID nothing stands for other characters. */
export function keysOfTenant(tenantId: string): string {
  return join({ tenantId }, '*');
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
