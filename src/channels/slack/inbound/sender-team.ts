/** From which workspace somebody writes of whom an event says no team. */
import type { WebClient } from '@slack/web-api';
import { slackTrouble } from '../errors.ts';
import type { Workspace } from './events.ts';
import type { Installation } from './installations.ts';
import { looseOf, textOf } from './loose.ts';
import { createOncePerKey } from './once-per-key.ts';

const KEPT_MS = 10 * 60_000;
const MAX_KEPT = 5_000;
/** Bots have ids of their own, and no workspace that they write from. */
const PERSON = /^[UW]/;

type Sender = { user: string; userTeam: string | undefined };

/**
 * The sender with their team, where people of other companies are in the channel (Slack Connect): Slack says
 * none beside a file that it keeps the details of back. Undefined for somebody whom Slack doesn't show us.
 * Rejects while Slack can't say.
 */
export type FindSender = (
  sender: Sender,
  workspace: Workspace,
  asking: Pick<Installation, 'tenantId' | 'client'>,
) => Promise<Sender | undefined>;

export function createFindSender(): FindSender {
  const once = createOncePerKey<string | undefined>({ keptMs: KEPT_MS, maxKept: MAX_KEPT });
  return async ({ user, userTeam }, { teamId, enterpriseId, isShared }, { tenantId, client }) => {
    if (!isShared || userTeam !== undefined || !PERSON.test(user)) return { user, userTeam };
    const ask = () => askForTeam(client, user, enterpriseId);
    const found = await once(`${tenantId} ${teamId} ${enterpriseId} ${user}`, ask);
    return found === undefined ? undefined : { user, userTeam: found };
  };
}

/** By `users.info`: docs.slack.dev/apis/slack-connect. An organisation stands for its workspaces. */
async function askForTeam(
  client: WebClient,
  user: string,
  organisation: string | undefined,
): Promise<string | undefined> {
  try {
    const answer = looseOf((await client.users.info({ user })).user);
    const member = textOf(looseOf(answer['enterprise_user'])['enterprise_id']);
    if (member !== '' && member === organisation) return member;
    return textOf(answer['team_id']) || undefined;
  } catch (error) {
    if (slackTrouble(error)?.kind === 'refused') return undefined;
    throw error;
  }
}
