import type pg from 'pg';
import { findKeyByHash, type FoundApiKey } from '../db/api-keys.ts';
import { inPlace, inShare } from '../db/pool.ts';
import { createFairPlaces } from '../lib/fair-places.ts';
import { keepNewest } from '../lib/keep-newest.ts';
import { createKeptShares, createShares, mostKept, mostPlaces, type KeptLimits } from '../lib/shares.ts';
import { Problem, retryAfter } from './problems.ts';

const MISS_KEPT_MS = 10_000;
const MAX_MISSES = 10_000;

/** Keys that were not seen before are looked up at once for a network that is alone. */
const UNSEEN_AT_ONCE = 2;
/** So many may be under way for it, those included that wait. */
const UNSEEN_UNDER_WAY = 200;
/** And so many wait, of all networks together, for what another request with the same key finds out. */
const FOLLOWERS: KeptLimits = { open: 1_000, kept: 100 };
/** All of these. */
export const MOST_UNSEEN = mostPlaces(UNSEEN_UNDER_WAY) + mostKept(FOLLOWERS);
const MAX_SEEN = 10_000;

/**
 * Gives what is known of an API key, by its hash, for whoever asks from a network (see `networkBehind`).
 * Undefined when it opens nothing. `isOf` is told whose key it was as soon as that is known, before it is
 * looked up; what it throws ends the look-up.
 */
export type FindKey = (
  hash: Buffer,
  network: string,
  isOf?: (tenantId: string) => void,
) => Promise<FoundApiKey | undefined>;

/** Finds keys in the database. */
export function createKeyLookup(pool: pg.Pool): FindKey {
  const find = (hash: Buffer) => findKeyByHash(pool, hash);
  return sparingLookup(fairLookup(find, (tenantId, work) => inShare(pool, tenantId, work)));
}

/**
 * Spares the database what was none a moment ago. What it finds is asked for anew each time: a revoked key
 * ends at once.
 */
export function sparingLookup(find: FindKey, now: () => number = () => performance.now()): FindKey {
  const misses = new Map<string, number>();
  return async (hash, network, isOf) => {
    const name = hash.toString('base64');
    if ((misses.get(name) ?? 0) > now()) return undefined;
    const found = await find(hash, network, isOf);
    if (found === undefined) keepNewest(misses, name, now() + MISS_KEPT_MS, MAX_MISSES);
    return found;
  };
}

/**
 * Looks keys up so that nobody stands in the queue of others. A key that was seen before waits for its
 * tenant's connections (`inShare`). That it was seen says who waits, and nothing of what it opens: it is
 * looked up each time. Any other waits for places that networks share, since anybody can think of one. Of
 * more than a network may have waiting, one is refused at once: an answered connection can be closed when
 * they run short.
 */
export function fairLookup(
  find: (hash: Buffer) => Promise<FoundApiKey | undefined>,
  inShare: <T>(tenantId: string, work: () => Promise<T>) => Promise<T>,
): FindKey {
  const places = createFairPlaces(UNSEEN_AT_ONCE);
  const underWay = createShares(UNSEEN_UNDER_WAY);
  const followers = createKeptShares(FOLLOWERS);
  /** The tenants of keys. */
  const seen = new Map<string, string>();
  /** What is being found out, by a key's hash. */
  const unseen = new Map<string, Promise<FoundApiKey | undefined>>();

  const meet = async (name: string, hash: Buffer, network: string): Promise<FoundApiKey | undefined> => {
    const giveBack = underWay.take(network);
    if (!giveBack) throw tooManyUnseen();
    try {
      const found = await inPlace(places, network, () => find(hash));
      if (found) keepNewest(seen, name, found.tenantId, MAX_SEEN);
      return found;
    } finally {
      giveBack();
    }
  };

  /** Waits for what another request finds out. */
  const follow = async (first: Promise<unknown>, network: string): Promise<void> => {
    const giveBack = followers.take(network);
    if (!giveBack) throw tooManyUnseen();
    await first.finally(giveBack);
  };

  return async (hash, network, isOf) => {
    const name = hash.toString('base64');
    if (!seen.has(name)) {
      const first = unseen.get(name);
      if (!first) {
        const meeting = meet(name, hash, network).finally(() => unseen.delete(name));
        unseen.set(name, meeting);
        return meeting;
      }
      // What another request has found says whose key it is: it may have been revoked since.
      await follow(first, network);
    }
    const tenantId = seen.get(name);
    if (tenantId === undefined) return undefined;
    isOf?.(tenantId);
    const found = await inShare(tenantId, () => find(hash));
    if (!found) seen.delete(name);
    return found;
  };
}

const tooManyUnseen = (): Problem =>
  new Problem(
    429,
    'Too many unknown keys',
    'More keys that were not seen here before come from your network than can be looked up; come again later.',
    { headers: retryAfter(1_000) },
  );
