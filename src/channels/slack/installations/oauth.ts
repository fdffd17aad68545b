/**
 * Installing the app by OAuth: `GET /slack/install` leads to Slack, `GET /slack/oauth_redirect` binds what
 * Slack gives to the link's agent. @slack/oauth speaks with Slack and holds the state to the browser that
 * began.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { InstallProvider, InvalidStateError, type Installation, type StateStore } from '@slack/oauth';
import { LogLevel, type Logger as SlackLogger } from '@slack/web-api';
import type pg from 'pg';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { AuditActor } from '../../../db/audit.ts';
import { createFairPlaces } from '../../../lib/fair-places.ts';
import type { ChannelPage, Installing } from '../../channel.ts';
import { slackClientOptions } from '../client.ts';
import { BOT_SCOPES } from '../scopes.ts';
import type { HolderByToken } from '../inbound/installations.ts';
import {
  bindInstallation,
  findHolder,
  type BindingRefusal,
  type NewInstallation,
} from './installation-store.ts';
import {
  countTry,
  createLink,
  isLinkUsed,
  LINK_VALID_MS,
  readSigned,
  signed,
  type ReadLink,
} from './install-links.ts';
import { installedPage, PAGES, sendPage } from './pages.ts';
import type { TokenVault } from './token-vault.ts';

export type OAuthSettings = {
  clientId: string;
  clientSecret: string;
  stateSecret: string;
  apiUrl: string;
  /** Where people reach us; undefined: as they say themselves. */
  publicUrl: string | undefined;
};

/** Codes of a tenant that is alone in a process that are exchanged at once, each within ten seconds. */
const EXCHANGED_AT_ONCE = 4;
/** Nobody who installs waits longer for a turn. */
const TURN_WITHIN_MS = 5_000;

/** Slack's page on which somebody installs; beside a stand-in's API stands its own. */
const authorizeUrl = (apiUrl: string): string => new URL('/oauth/v2/authorize', apiUrl).href;

export function createInstalling(dependencies: {
  settings: OAuthSettings;
  pool: pg.Pool;
  vault: TokenVault;
  /** Whose the workspace of `SLACK_BOT_TOKEN` is, where there is one. */
  holderByToken: HolderByToken | undefined;
  log: Logger;
}): { installing: Installing; pages: ChannelPage[] } {
  const { settings, pool, vault, holderByToken, log } = dependencies;
  const { stateSecret, publicUrl } = settings;
  const redirectUri = publicUrl && new URL('/slack/oauth_redirect', publicUrl).href;
  const urlOptions = (link: ReadLink) => ({
    scopes: [...BOT_SCOPES],
    metadata: JSON.stringify(link),
    ...(redirectUri && { redirectUri }),
  });
  const provider = createProvider(settings, log, {
    generateStateParam: (options) => {
      const link = linkIn(options.metadata);
      return Promise.resolve(signed(stateSecret, 'state', link, link.expiresAt));
    },
    verifyStateParam: async (_now, state) => {
      const link = readSigned(stateSecret, 'state', state);
      const refusal = link && ((await refusalOf(pool, link)) ?? (await triesRefusal(pool, link)));
      if (!link || refusal) throw new Refused(refusal ?? 'foreign');
      return urlOptions(link);
    },
  });

  const install = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const token = new URL(req.url ?? '', 'http://localhost').searchParams.get('link') ?? '';
    const link = readSigned(stateSecret, 'link', token);
    const refusal = link && (await refusalOf(pool, link));
    if (!link || refusal) {
      sendPage(res, PAGES[refusal ?? 'foreign']);
      return;
    }
    await provider.handleInstallPath(req, res, undefined, urlOptions(link));
  };

  const exchange = (req: IncomingMessage, res: ServerResponse): Promise<void> =>
    provider.handleCallback(req, res, {
      // What is bound says which page it is; nothing is stored after it.
      afterInstallation: async (installation, options) => {
        const found = newInstallation(installation);
        if (!found) throw new Refused('failed');
        const link = linkIn(options.metadata);
        const holders = await holdersOf({ pool, holderByToken }, found, installation);
        if (holders.some((tenantId) => tenantId !== link.tenantId)) throw new Refused('elsewhere');
        const actor: AuditActor = {
          type: 'slack-user',
          userId: `slack:${found.place}:${installation.user.id}`,
        };
        const bound = await bindInstallation({ pool, vault }, link, found, actor);
        if (typeof bound === 'string') throw new Refused(bound);
        log.info({ place: found.place }, 'installed in Slack');
        const { enterprise, team } = installation;
        const where = (found.isOrganisation ? enterprise?.name : team?.name) ?? found.place;
        sendPage(res, installedPage(bound.agentName, where.slice(0, MAX_PLACE_NAME)));
        return false;
      },
      failure: (error) => {
        // Whoever comes without a link of ours, or says no, writes no log.
        const reason = reasonOf(error);
        if (reason !== 'foreign' && reason !== 'denied') log.info({ reason }, 'not installed in Slack');
        sendPage(res, PAGES[reasonOf(error)]);
      },
    });

  return {
    installing: {
      makeLink: async ({ tenantId, agentId, actor, origin }) => {
        const made = await createLink({ pool, stateSecret }, { tenantId, agentId, actor });
        if (!made) return undefined;
        const url = new URL('/slack/install', publicUrl ?? origin);
        url.searchParams.set('link', made.token);
        return { url: url.href, expiresAt: made.expiresAt.toISOString() };
      },
    },
    pages: [
      { path: 'install', serve: install },
      { path: 'oauth_redirect', serve: fewAtOnce(stateSecret, exchange) },
    ],
  };
}

/** The page that exchanges codes, a few at once: each costs a call of Slack, however slow that is. */
function fewAtOnce(stateSecret: string, exchange: ChannelPage['serve']): ChannelPage['serve'] {
  const inTurn = createFairPlaces(EXCHANGED_AT_ONCE);
  return async (req, res) => {
    const state = new URL(req.url ?? '', 'http://localhost').searchParams.get('state') ?? '';
    const link = readSigned(stateSecret, 'state', state);
    // A state that isn't ours gets no further than its check.
    if (!link) return exchange(req, res);
    const turn = { isBegun: false };
    const begin = (): Promise<void> => {
      turn.isBegun = true;
      return exchange(req, res);
    };
    const owner = { tenantId: link.tenantId, userId: link.linkId };
    try {
      await inTurn(owner, AbortSignal.timeout(TURN_WITHIN_MS), begin);
    } catch (error) {
      if (turn.isBegun) throw error;
      sendPage(res, PAGES.busy);
    }
  };
}

/** Why an installation came to nothing, as a page says it. */
type Reason = keyof typeof PAGES;

/** Extends the library's error for a wrong state, which it passes on as it is. */
class Refused extends InvalidStateError {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(`not installed: ${reason}`);
    this.reason = reason;
  }
}

function reasonOf(error: unknown): Reason {
  if (error instanceof Refused) return error.reason;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (/invalid_state|missing_state|missing_code/.test(code)) return 'foreign';
  return code === 'slack_oauth_installer_authorization_error' ? 'denied' : 'failed';
}

async function refusalOf(
  pool: pg.Pool,
  link: ReadLink,
): Promise<Exclude<BindingRefusal, 'elsewhere'> | undefined> {
  if (await isLinkUsed(pool, link)) return 'used';
  return link.isOver ? 'expired' : undefined;
}

const triesRefusal = async (pool: pg.Pool, link: ReadLink): Promise<'tries' | undefined> =>
  (await countTry(pool, link)) ? undefined : 'tries';

/**
 * The tenants that speak in a place, or in the organisation that a workspace is part of: nobody takes it from
 * them. That a place is installed once the database sees to. Rejects while nobody can say.
 */
async function holdersOf(
  { pool, holderByToken }: { pool: pg.Pool; holderByToken: HolderByToken | undefined },
  { isOrganisation }: NewInstallation,
  { team, enterprise }: Installation,
): Promise<string[]> {
  const place = { workspace: isOrganisation ? undefined : team?.id, organisation: enterprise?.id };
  const holders = await Promise.all([findHolder(pool, place), holderByToken?.(place)]);
  return holders.filter((tenantId) => tenantId !== undefined);
}

/** What travels through the library beside a state. */
const carriedLink = z.object({ tenantId: z.uuid(), linkId: z.uuid(), expiresAt: z.coerce.date() });

function linkIn(metadata: string | undefined): z.output<typeof carriedLink> {
  return carriedLink.parse(JSON.parse(metadata ?? ''));
}

/** A longer name of a workspace is cut on the page. */
const MAX_PLACE_NAME = 200;

const slackId = z.string().regex(/^[A-Z0-9][A-Za-z0-9_-]{0,59}$/);
/** What is kept of an installation: no longer than what Slack gives. */
const kept = z.object({
  place: slackId,
  isOrganisation: z.boolean(),
  botUserId: slackId,
  botId: slackId.optional(),
  token: z.string().min(1).max(1_000),
  scopes: z.string().max(10_000),
});

/** Undefined when it has no bot, says not where it is, or isn't what Slack gives. */
function newInstallation(installation: Installation): NewInstallation | undefined {
  const { bot, team, enterprise, isEnterpriseInstall } = installation;
  const isOrganisation = isEnterpriseInstall === true;
  const read = kept.safeParse({
    place: isOrganisation ? enterprise?.id : team?.id,
    isOrganisation,
    botUserId: bot?.userId,
    botId: bot?.id,
    token: bot?.token,
    scopes: bot?.scopes.join(','),
  });
  return read.success ? { ...read.data, botId: read.data.botId } : undefined;
}

function createProvider(
  { clientId, clientSecret, apiUrl }: OAuthSettings,
  log: Logger,
  stateStore: StateStore,
): InstallProvider {
  return new InstallProvider({
    clientId,
    clientSecret,
    stateStore,
    stateCookieExpirationSeconds: LINK_VALID_MS / 1000,
    directInstall: true,
    authorizationUrl: authorizeUrl(apiUrl),
    // Installations are bound before they would come here, in one transaction with their link.
    installationStore: {
      storeInstallation: () => Promise.reject(new Error('an installation is bound to a link')),
      fetchInstallation: () => Promise.reject(new Error('installations are found by their place')),
    },
    clientOptions: slackClientOptions(apiUrl),
    logger: quietLogger(log),
  });
}

/** Its errors may hold codes and tokens: what comes of them is logged where it is known. */
function quietLogger(log: Logger): SlackLogger {
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: () => log.debug('@slack/oauth warns'),
    error: () => log.debug('@slack/oauth has an error'),
    setLevel: () => undefined,
    getLevel: () => LogLevel.ERROR,
    setName: () => undefined,
  };
}
