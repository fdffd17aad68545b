import type { Scope } from '../domain/conversation.ts';
import type { RedisClient } from './connection.ts';
import { busyNoticeKey, promptsShownKey, rateLimitKey } from './keys.ts';

/** Every kind of key that names a user and no agent. */
const KINDS = [rateLimitKey, busyNoticeKey, promptsShownKey];

/** Removes them. Gives the number of keys. Safe to repeat. */
export async function forgetKeysOfUser(
  redis: RedisClient,
  { tenantId, userId }: Pick<Scope, 'tenantId' | 'userId'>,
): Promise<number> {
  let removed = 0;
  for (const keyOf of KINDS) removed += await redis.del(keyOf(tenantId, userId));
  return removed;
}
