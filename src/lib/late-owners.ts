import type { Owner } from './fair-queue.ts';
import { keepNewest } from './keep-newest.ts';

/** Whose texts are read by nobody for a while, since one of theirs was late. */
export type LateOwners = { add(owner: Owner): void; holds(owner: Owner): boolean };

const KEPT_MS = 60_000;
/** With so many late users within that time all of a tenant is late: a key can name any number of users. */
const USERS_OF_A_TENANT = 3;
/** Of more the oldest are read again. */
const MOST = 1_000;

export function createLateOwners(): LateOwners {
  /** Until when, by tenant and user, and by tenant alone. */
  const users = new Map<string, number>();
  const tenants = new Map<string, number>();
  const keyOf = ({ tenantId, userId }: Owner) => `${tenantId} ${userId}`;
  const isNow = (until = 0) => until > performance.now();
  return {
    add(owner) {
      const until = performance.now() + KEPT_MS;
      keepNewest(users, keyOf(owner), until, MOST);
      const ofTenant = [...users].filter(([key, its]) => key.startsWith(`${owner.tenantId} `) && isNow(its));
      if (ofTenant.length >= USERS_OF_A_TENANT) keepNewest(tenants, owner.tenantId, until, MOST);
    },
    holds: (owner) => isNow(users.get(keyOf(owner))) || isNow(tenants.get(owner.tenantId)),
  };
}
