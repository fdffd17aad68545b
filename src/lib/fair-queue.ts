/** Whose work it is. */
export type Owner = { tenantId: string; userId: string };

/** A queue in which nobody waits for the many items of another. */
export type FairQueue<T> = {
  push(owner: Owner, item: T): void;
  /** What `take` would return now. Others may come before it until then: see `mayBeTaken`. */
  peek(): T | undefined;
  /**
   * The next item: tenants take turns, then the users of a tenant, then each user's items in their order. Who
   * comes after a tenant's turn is before its next one. A tenant whose next item may not be taken is passed
   * over.
   */
  take(mayBeTaken?: (item: T) => boolean): T | undefined;
  /** How many items of a tenant wait. */
  waitingOf(tenantId: string): number;
};

export function createFairQueue<T>(): FairQueue<T> {
  // A map keeps the order of its keys.
  const tenants = new Map<string, { users: Map<string, T[]>; waiting: number }>();
  /** Whose turn was the last: whoever else waits is before it. */
  let served: string | undefined;

  function* inOrder() {
    for (const entry of tenants) if (entry[0] !== served) yield entry;
    for (const entry of tenants) if (entry[0] === served) yield entry;
  }
  const next = (mayBeTaken: (item: T) => boolean) => {
    for (const [tenantId, tenant] of inOrder()) {
      const [first] = tenant.users;
      const item = first?.[1][0];
      if (first && item !== undefined && mayBeTaken(item))
        return { tenantId, tenant, userId: first[0], items: first[1] };
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
    peek: () => next(() => true)?.items[0],
    take(mayBeTaken = () => true) {
      const turn = next(mayBeTaken);
      if (!turn) return undefined;
      const { tenantId, tenant, userId, items } = turn;
      const item = items.shift();
      tenant.waiting -= 1;
      tenant.users.delete(userId);
      if (items.length > 0) tenant.users.set(userId, items);
      // Whoever was served before has waited since.
      const before = served === undefined ? undefined : tenants.get(served);
      if (served !== undefined && before && served !== tenantId) {
        tenants.delete(served);
        tenants.set(served, before);
      }
      served = tenantId;
      if (tenant.users.size === 0) tenants.delete(tenantId);
      return item;
    },
    waitingOf: (tenantId) => tenants.get(tenantId)?.waiting ?? 0,
  };
}
