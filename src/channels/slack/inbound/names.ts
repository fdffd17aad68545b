import type { WebClient } from '@slack/web-api';
import type { Installation } from './installations.ts';
import { keepNewest } from '../../../lib/keep-newest.ts';
import { within } from '../../../lib/within.ts';
import { plainName } from './plain-name.ts';

/**
 * Names of a workspace's users, by id; whoever isn't known in time is left out. Never rejects. What one
 * tenant learns another doesn't.
 */
export type LookUpNames = (
  asking: Pick<Installation, 'tenantId' | 'client'>,
  team: string,
  userIds: readonly string[],
  withinMs: number,
) => Promise<Map<string, string>>;

const KEPT_MS = 60 * 60_000;
const MISS_KEPT_MS = 60_000;
const MAX_KEPT = 5_000;
/** A message that names more people than this names the others in vain. */
const MAX_LOOKED_UP = 20;

/** Slack's own limit is 80. */
const MAX_NAME_LENGTH = 200;

type Entry = { name: Promise<string | undefined>; until: number };

/** Makes a look-up by `users.info` that keeps what it learned: an hour, or a minute for what failed. */
export function createNameLookup(): LookUpNames {
  const kept = new Map<string, Entry>();

  const nameOf = (asking: Parameters<LookUpNames>[0], team: string, userId: string) => {
    const key = `${asking.tenantId}:${team}:${userId}`;
    const old = kept.get(key);
    if (old && old.until > performance.now()) return old.name;
    const entry: Entry = { name: ask(asking.client, userId), until: performance.now() + KEPT_MS };
    void entry.name.then((name) => {
      if (name === undefined) entry.until = performance.now() + MISS_KEPT_MS;
    });
    keepNewest(kept, key, entry, MAX_KEPT);
    return entry.name;
  };

  return async (asking, team, userIds, withinMs) => {
    const names = new Map<string, string>();
    if (userIds.length === 0) return names;
    const asked = userIds.slice(0, MAX_LOOKED_UP).map(async (userId) => {
      const name = await nameOf(asking, team, userId);
      if (name) names.set(userId, name);
    });
    await within(withinMs, Promise.all(asked)).catch(() => undefined);
    return new Map(names);
  };
}

async function ask(client: WebClient, userId: string): Promise<string | undefined> {
  try {
    const { user } = await client.users.info({ user: userId });
    return nameIn(user?.profile?.display_name || user?.profile?.real_name || user?.real_name || user?.name);
  } catch {
    return undefined;
  }
}

/**
 * "Anna Schmidt | Sales Berlin" → "Anna Schmidt": what people add to their names are words that others ask
 * for.
 */
function nameIn(text: string | undefined): string | undefined {
  const name = text?.slice(0, MAX_NAME_LENGTH);
  return plainName(name?.split(/[|([{/–—•,;:]|\s-\s/u)[0] ?? '') || plainName(name ?? '') || undefined;
}
