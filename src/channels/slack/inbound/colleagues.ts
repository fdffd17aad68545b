/** Whether who clicks belongs to the installation's own organisation (Enterprise Grid). */
import type { WebClient } from '@slack/web-api';
import { slackTrouble } from '../errors.ts';
import type { Installation } from './installations.ts';
import type { Click } from './interactions.ts';
import { looseOf, textOf } from './loose.ts';
import { createOncePerKey } from './once-per-key.ts';

const KEPT_MS = 10 * 60_000;
const MAX_KEPT = 5_000;

/**
 * The click, with what Slack leaves open in it: it names a workspace of whoever clicks, and an organisation
 * has many. Rejects while Slack can't say.
 */
export type FindColleagues = (
  click: Click,
  asking: Pick<Installation, 'tenantId' | 'client'>,
) => Promise<Click>;

export function createFindColleagues(): FindColleagues {
  const once = createOncePerKey<boolean>({ keptMs: KEPT_MS, maxKept: MAX_KEPT });
  return async (click, { tenantId, client }) => {
    const { user, userTeam } = click;
    const { teamId, enterpriseId } = click.workspace;
    if (enterpriseId === undefined || userTeam === undefined) return click;
    if (userTeam === teamId || userTeam === enterpriseId) return click;
    const ask = () => isColleague(client, { user, userTeam, organisation: enterpriseId });
    const isShared = !(await once(`${tenantId} ${enterpriseId} ${userTeam} ${user}`, ask));
    return { ...click, workspace: { ...click.workspace, isShared } };
  };
}

/** By `users.info`: docs.slack.dev/enterprise. Whoever Slack doesn't show us is a stranger. */
async function isColleague(
  client: WebClient,
  { user, userTeam, organisation }: { user: string; userTeam: string; organisation: string },
): Promise<boolean> {
  try {
    const answer = looseOf((await client.users.info({ user })).user);
    const member = looseOf(answer['enterprise_user']);
    if (textOf(member['enterprise_id']) !== organisation) return false;
    const { teams } = member;
    const isNamed = Array.isArray(teams) && teams.includes(userTeam);
    // Somebody else may have the same id: the workspace must be theirs.
    return isNamed || textOf(answer['team_id']) === userTeam;
  } catch (error) {
    if (slackTrouble(error)?.kind === 'refused') return false;
    throw error;
  }
}
