import { Cluster } from 'ioredis';
import type { RedisClient } from './connection.ts';
import { keysOfTenant } from './keys.ts';

/** Keys that one command looks through. */
const AT_ONCE = 1_000;

/**
 * Removes every key of a tenant, on every node, and gives how many it were. `onProgress` is called between
 * commands.
 */
export async function removeKeysOf(
  redis: RedisClient,
  tenantId: string,
  onProgress: () => void,
): Promise<number> {
  let removed = 0;
  for (const node of redis instanceof Cluster ? redis.nodes('master') : [redis]) {
    let cursor = '0';
    do {
      onProgress();
      const [next, keys] = await node.scan(cursor, 'MATCH', keysOfTenant(tenantId), 'COUNT', AT_ONCE);
      // One by one: in a cluster the keys of one command must be of one slot.
      for (const key of keys) removed += await node.unlink(key);
      cursor = next;
    } while (cursor !== '0');
  }
  return removed;
}
