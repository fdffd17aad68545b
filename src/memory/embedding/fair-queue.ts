import type { Scope } from '../../domain/conversation.ts';

/** Whose work it is. */
export type Owner = Pick<Scope, 'tenantId' | 'userId'>;

/** A queue in which nobody waits for the many items of another. */
export type FairQueue<T> = {
  push(owner: Owner, item: T): void;
  /** What `take` would return. */
  peek(): T | undefined;
  /** The next item: tenants take turns, then the users of a tenant, then each user's items in their order. */
  take(): T | undefined;
  /** How many items of a tenant wait. */
  waitingOf(tenantId: string): number;
};

export function createFairQueue<T>(): FairQueue<T> {
  // A map keeps the order of its keys: whoever had a turn goes to the end.
  const tenants = new Map<string, { users: Map<string, T[]>; waiting: number }>();

  const next = () => {
    for (const [tenantId, tenant] of tenants) {
      for (const [userId, items] of tenant.users) return { tenantId, tenant, userId, items };
    }
    return undefined;
  };

  return {
    push({ tenantId, userId }, item) {
      const tenant = tenants.get(tenantId) ?? { users: new Map<string, T[]>(), waiting: 0 };
      const items = tenant.users.get(userId) ?? [];
      items.push(item);
      tenant.users.set(userId, items);
      tenant.waiting += 1;
      tenants.set(tenantId, tenant);
    },
    peek: () => next()?.items[0],
    take() {
      const turn = next();
      if (!turn) return undefined;
      const { tenantId, tenant, userId, items } = turn;
      const item = items.shift();
      tenant.waiting -= 1;
      tenant.users.delete(userId);
      if (items.length > 0) tenant.users.set(userId, items);
      tenants.delete(tenantId);
      if (tenant.users.size > 0) tenants.set(tenantId, tenant);
      return item;
    },
    waitingOf: (tenantId) => tenants.get(tenantId)?.waiting ?? 0,
  };
}
