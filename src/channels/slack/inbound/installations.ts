import type { WebClient } from '@slack/web-api';
import type pg from 'pg';
import type { Logger } from 'pino';
import { within } from '../../../lib/within.ts';
import { slackTrouble } from '../errors.ts';
import { agentOfChannel } from '../installations/channel-agents.ts';
import { createInstalledClients } from '../installations/installed-clients.ts';
import {
  findInstallationOf,
  findOwnOrganisation,
  type PlaceIds,
  type StoredInstallation,
} from '../installations/installation-store.ts';
import type { TokenVault } from '../installations/token-vault.ts';
import type { Workspace } from './events.ts';
import { createOncePerKey } from './once-per-key.ts';

/** A workspace (or an organisation) in which the app is installed, and whose it is. */
export type Installation = {
  tenantId: string;
  /** The agent that speaks where no other was given the channel. */
  agentId: string;
  botUserId: string;
  botId: string | undefined;
  client: WebClient;
  /** What Postgres keeps of it; undefined for the workspace of `SLACK_BOT_TOKEN`. */
  stored: { id: string; place: string } | undefined;
};

/**
 * The installation that an event belongs to, or undefined for a workspace that isn't known. Rejects when
 * that can't be found out now: the event must then be sent again, not dropped.
 */
export type FindInstallation = (
  workspace: Pick<Workspace, 'teamId' | 'enterpriseId' | 'installedIn'>,
) => Promise<Installation | undefined>;

/** A tenant's own installation in a workspace or an organisation; undefined where it has none. */
export type FindOwn = (tenantId: string, home: string) => Promise<Installation | undefined>;

/**
 * Whose `SLACK_BOT_TOKEN` is, where it speaks in a workspace, or in a part of an organisation. Rejects while
 * Slack doesn't say.
 */
export type HolderByToken = (place: PlaceIds) => Promise<string | undefined>;

/** Which agent speaks in a channel of an installation. Rejects when that can't be found out now. */
export type FindAgent = (installation: Installation, channelId: string) => Promise<string>;

/** What was installed or given to another agent counts this much later at most. */
const KEPT_MS = 3_000;
const MAX_KEPT = 5_000;

/** What was installed waits so long for Slack to say where `SLACK_BOT_TOKEN` speaks. */
const TOKEN_WITHIN_MS = 250;

/**
 * By what the app's installations say, and by `SLACK_BOT_TOKEN`. Where that one speaks its tenant alone does,
 * which may have installed the app there as well. While Slack doesn't say where that is, what was installed
 * speaks: no other tenant can have bound the place since (`oauth.ts`).
 */
export function findAmong(
  stored: FindInstallation | undefined,
  single: FindInstallation | undefined,
): FindInstallation {
  return async (workspace) => {
    const found = await stored?.(workspace);
    if (!found || !single) return found ?? single?.(workspace);
    const ofToken = await within(TOKEN_WITHIN_MS, single(workspace)).catch(() => undefined);
    return ofToken && ofToken.tenantId !== found.tenantId ? ofToken : found;
  };
}

/** Finds a tenant's own: another tenant's is not spoken through. */
export function findOwnAmong(
  find: FindInstallation,
  findOrganisation: (tenantId: string) => Promise<Installation | undefined>,
): FindOwn {
  return async (tenantId, home) => {
    const found = await find({ teamId: home, enterpriseId: home, installedIn: 'either' });
    if (found) return found.tenantId === tenantId ? found : undefined;
    return findOrganisation(tenantId);
  };
}

/** Finds installations in Postgres. One that has ended is not known some seconds later. */
export function storedInstallations(dependencies: { pool: pg.Pool; vault: TokenVault; apiUrl: string }): {
  find: FindInstallation;
  /** A thread's id names a workspace; the organisation that it is part of only the tenant's rows tell. */
  findOrganisation: (tenantId: string) => Promise<Installation | undefined>;
} {
  const clientOf = createInstalledClients(dependencies.apiUrl);
  const toInstallation = (found: StoredInstallation): Installation => {
    const { tenantId, agentId, botUserId, botId, id, place } = found;
    return { tenantId, agentId, botUserId, botId, client: clientOf(found), stored: { id, place } };
  };
  const once = createOncePerKey<Installation | undefined>({ keptMs: KEPT_MS, maxKept: MAX_KEPT });
  const ask = async (ids: { workspace: string | undefined; organisation: string | undefined }) => {
    const found = await findInstallationOf(dependencies, ids);
    return found && toInstallation(found);
  };
  return {
    find: ({ teamId, enterpriseId, installedIn }) => {
      const workspace = installedIn === 'organisation' ? undefined : teamId;
      const organisation = installedIn === 'workspace' ? undefined : enterpriseId;
      return once(`${workspace} ${organisation}`, () => ask({ workspace, organisation }));
    },
    findOrganisation: async (tenantId) => {
      const found = await findOwnOrganisation(dependencies, tenantId);
      return found && toInstallation(found);
    },
  };
}

export function createFindAgent(pool: pg.Pool): FindAgent {
  const once = createOncePerKey<string | undefined>({ keptMs: KEPT_MS, maxKept: MAX_KEPT });
  return async ({ tenantId, agentId }, channelId) => {
    const ask = async () => (await agentOfChannel(pool, tenantId, channelId))?.id;
    return (await once(`${tenantId} ${channelId}`, ask)) ?? agentId;
  };
}

/** How long a refusal (a revoked token, say) is believed before Slack is asked again. */
const REFUSAL_KEPT_MS = 60_000;

/**
 * The one workspace of `SLACK_BOT_TOKEN`, bound to one tenant's agent. Which workspace that is, Slack tells
 * (`auth.test`): asked in the background at first, and again by the next event while it has not answered.
 */
export function singleWorkspace(options: {
  client: WebClient;
  tenantId: string;
  agentId: string;
  log: Logger;
}): { find: FindInstallation; holderOf: HolderByToken } {
  const { client, tenantId, agentId, log } = options;
  type Known = {
    team: string;
    /** Present when the token is for all of an organisation. */
    organisation: string | undefined;
    /** The organisation that it is of, or that its workspace is part of. */
    around: string | undefined;
    installation: Installation;
  };
  let known: Promise<Known | undefined> | undefined;

  const ask = async (): Promise<Known | undefined> => {
    const auth = await client.auth.test();
    if (!auth.team_id || !auth.user_id) throw new Error('Slack did not say whose token SLACK_BOT_TOKEN is');
    log.info({ team: auth.team_id, botUser: auth.user_id }, 'Slack workspace bound to the tenant');
    const { enterprise_id: around } = auth;
    const organisation = auth.is_enterprise_install ? around : undefined;
    const installation = {
      tenantId,
      agentId,
      botUserId: auth.user_id,
      botId: auth.bot_id,
      client,
      stored: undefined,
    };
    return { team: auth.team_id, organisation, around, installation };
  };
  const identify = (): Promise<Known | undefined> => {
    known ??= ask().catch((error: unknown) => {
      const trouble = slackTrouble(error);
      if (trouble?.kind !== 'refused') {
        known = undefined;
        throw error;
      }
      log.error({ code: trouble.code }, 'Slack refuses SLACK_BOT_TOKEN: its events are ignored');
      setTimeout(() => (known = undefined), REFUSAL_KEPT_MS).unref();
      return undefined;
    });
    return known;
  };
  identify().catch((error: unknown) =>
    log.warn({ err: error }, 'Slack not reached; the next event tries again'),
  );

  const find: FindInstallation = async ({ teamId, enterpriseId, installedIn }) => {
    const found = await identify();
    if (!found) return undefined;
    // A workspace of the organisation, or the organisation, may have an installation beside ours.
    const isWorkspaces = installedIn !== 'organisation' && teamId === found.team;
    const isOrganisations =
      installedIn !== 'workspace' && found.organisation !== undefined && enterpriseId === found.organisation;
    return isWorkspaces || isOrganisations ? found.installation : undefined;
  };
  const holderOf: HolderByToken = async ({ workspace, organisation }) => {
    const found = await identify();
    if (!found) return undefined;
    // An organisation's installation would speak in the token's workspace as well.
    const around = workspace === undefined ? found.around : found.organisation;
    const isThere = found.team === workspace || (around !== undefined && around === organisation);
    return isThere ? tenantId : undefined;
  };
  return { find, holderOf };
}
