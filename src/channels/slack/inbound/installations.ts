import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import { slackTrouble } from '../errors.ts';
import type { Workspace } from './events.ts';

/** A workspace (or an organisation) in which the app is installed, and whose it is. */
export type Installation = {
  tenantId: string;
  agentId: string;
  botUserId: string;
  botId: string | undefined;
  client: WebClient;
};

/**
 * The installation that an event belongs to, or undefined for a workspace that isn't known. Rejects when
 * that can't be found out now: the event must then be sent again, not dropped.
 */
export type FindInstallation = (
  workspace: Pick<Workspace, 'teamId' | 'enterpriseId' | 'installedIn'>,
) => Promise<Installation | undefined>;

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
}): FindInstallation {
  const { client, tenantId, agentId, log } = options;
  type Known = { team: string; organisation: string | undefined; installation: Installation };
  let known: Promise<Known | undefined> | undefined;

  const ask = async (): Promise<Known | undefined> => {
    const auth = await client.auth.test();
    if (!auth.team_id || !auth.user_id) throw new Error('Slack did not say whose token SLACK_BOT_TOKEN is');
    log.info({ team: auth.team_id, botUser: auth.user_id }, 'Slack workspace bound to the tenant');
    const organisation = auth.is_enterprise_install ? auth.enterprise_id : undefined;
    const installation = { tenantId, agentId, botUserId: auth.user_id, botId: auth.bot_id, client };
    return { team: auth.team_id, organisation, installation };
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

  return async ({ teamId, enterpriseId, installedIn }) => {
    const found = await identify();
    if (!found) return undefined;
    // A workspace of the organisation, or the organisation, may have an installation beside ours.
    const isWorkspaces = installedIn !== 'organisation' && teamId === found.team;
    const isOrganisations =
      installedIn !== 'workspace' && found.organisation !== undefined && enterpriseId === found.organisation;
    return isWorkspaces || isOrganisations ? found.installation : undefined;
  };
}
