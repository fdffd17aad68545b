/** By which token, and under which name, a turn is answered. */
import type { WebClient } from '@slack/web-api';
import type pg from 'pg';
import type { Logger } from 'pino';
import { inTenant } from '../../../db/tenant-transaction.ts';
import { POST_RECORD_WITHIN_MS } from '../../../domain/timing.ts';
import { keepNewest } from '../../../lib/keep-newest.ts';
import { within } from '../../../lib/within.ts';
import { ChannelError } from '../../channel.ts';
import type { SlackAddress } from '../address.ts';
import { createInstalledClients } from '../installations/installed-clients.ts';
import { findOwnInstallation } from '../installations/installation-store.ts';
import type { TokenVault } from '../installations/token-vault.ts';

/** Who speaks in a conversation. */
export type Speaker = {
  client: WebClient;
  /** The name of an agent that was given the channel; undefined: the app's own. */
  name: string | undefined;
  /** Whether anybody was named who takes over from the agent. */
  hasPeople: boolean;
};

export type FindSpeaker = (
  turn: { tenantId: string; agentId: string },
  address: SlackAddress,
) => Promise<Speaker>;

/** How long what Postgres says is taken as it is. Afterwards it still counts while Postgres is away. */
const KEPT_MS = 3_000;
const MAX_KEPT = 5_000;

/**
 * Finds who speaks. `single` is the client of `SLACK_BOT_TOKEN`, for what was accepted by it. Rejects with a
 * `ChannelError`: refused where the app is gone, unavailable while nobody can say.
 */
export function createFindSpeaker(dependencies: {
  pool: pg.Pool;
  vault: TokenVault;
  apiUrl: string;
  single: WebClient | undefined;
  log: Logger;
}): FindSpeaker {
  const { pool, vault, apiUrl, single, log } = dependencies;
  const clientOf = createInstalledClients(apiUrl);

  const askClient = async (tenantId: string, place: string): Promise<WebClient> => {
    const installation = await findOwnInstallation({ pool, vault }, tenantId, place);
    if (!installation) throw new ChannelError('refused', 'the app is no longer installed there');
    return clientOf(installation);
  };
  const clients = createKept(askClient);
  const manners = createKept((tenantId: string, id: string) => {
    const [agentId = '', channel = ''] = id.split(' ');
    return mannerOf(pool, { tenantId, agentId, channel });
  });

  const findClient = async (tenantId: string, { place }: SlackAddress): Promise<WebClient> => {
    if (place !== undefined) {
      try {
        return await clients(tenantId, place);
      } catch (error) {
        if (error instanceof ChannelError) throw error;
        throw new ChannelError('unavailable', 'the token for the workspace can’t be read', { cause: error });
      }
    }
    if (single) return single;
    throw new ChannelError('unavailable', 'this worker has no SLACK_BOT_TOKEN');
  };

  return async ({ tenantId, agentId }, address) => {
    const [client, manner] = await Promise.all([
      findClient(tenantId, address),
      manners(tenantId, `${agentId} ${address.channel}`).catch((error: unknown) => {
        log.warn({ err: error }, 'whose channel it is can’t be asked: the app speaks under its own name');
        return { name: undefined, hasPeople: false };
      }),
    ]);
    return { client, ...manner };
  };
}

/** How an agent speaks in a channel, in one question: what the worker may read of an agent. */
async function mannerOf(
  pool: pg.Pool,
  { tenantId, agentId, channel }: { tenantId: string; agentId: string; channel: string },
): Promise<Omit<Speaker, 'client'>> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ name: string | null; has_people: boolean }>({
      name: 'manner of an agent in slack',
      text: `SELECT CASE WHEN c.agent_id IS NULL THEN NULL ELSE a.name END AS name,
                    coalesce(jsonb_array_length(a.settings #> '{escalation,people}'), 0) > 0 AS has_people
             FROM agents a LEFT JOIN slack_channels c
               ON c.tenant_id = a.tenant_id AND c.agent_id = a.id AND c.channel_id = $3
             WHERE a.tenant_id = $1 AND a.id = $2`,
      values: [tenantId, agentId, channel],
    }),
  );
  return { name: rows[0]?.name ?? undefined, hasPeople: rows[0]?.has_people === true };
}

/** What `ask` gives, or gave a moment ago; while it can't say, what it gave before. */
function createKept<T>(ask: (tenantId: string, id: string) => Promise<T>) {
  const kept = new Map<string, { found: T; until: number }>();
  return async (tenantId: string, id: string): Promise<T> => {
    const key = `${tenantId} ${id}`;
    const known = kept.get(key);
    if (known && known.until > performance.now()) return known.found;
    try {
      const found = await within(POST_RECORD_WITHIN_MS, ask(tenantId, id));
      keepNewest(kept, key, { found, until: performance.now() + KEPT_MS }, MAX_KEPT);
      return found;
    } catch (error) {
      if (error instanceof ChannelError) kept.delete(key);
      if (!known || error instanceof ChannelError) throw error;
      return known.found;
    }
  };
}
