/**
 * What a click of somebody on one of our buttons does. What they may not do is refused here, not in Slack.
 */
import type pg from 'pg';
import type { Logger } from 'pino';
import { NOT_ALLOWED } from '../../../domain/words.ts';
import type { RedisClient } from '../../../redis/connection.ts';
import { findAgent } from '../../../db/agents.ts';
import { findEscalation } from '../../../db/escalations.ts';
import type { Received } from '../../channel.ts';
import { giveBack, handOver } from '../handover/hand-over.ts';
import { HAND_BACK } from '../handover/tell-people.ts';
import { threadPlaceOf } from '../handover/thread-id.ts';
import { ASK_FOR_PERSON } from '../outbound/reply-buttons.ts';
import type { FindAgent, Installation } from './installations.ts';
import type { Click } from './interactions.ts';
import { userIdOf } from './people.ts';

export type TakingClicks = { pool: pg.Pool; redis: RedisClient; log: Logger; findAgentOf: FindAgent };

/** Takes a click whose installation is known. Rejects when it can't be carried out now. */
export async function takeClick(
  taking: TakingClicks,
  click: Click,
  installation: Installation,
): Promise<Received> {
  for (const { id, value } of click.actions) {
    switch (id) {
      case ASK_FOR_PERSON:
        return askForPerson(taking, click, installation);
      case HAND_BACK:
        return handItBack(taking, click, installation, value);
      default:
    }
  }
  return { kind: 'ignored', reason: 'other_click' };
}

/** Members of the installation's own workspace or organisation have its id; all others have their own. */
function isMember({ workspace, user, userTeam }: Click): boolean {
  const { teamId, enterpriseId } = workspace;
  const home = enterpriseId ?? teamId ?? '';
  return userIdOf({ user, userTeam }, workspace) === `slack:${home}:${user}`;
}

function threadIdOf({ workspace, channel, threadTs }: Click): string | undefined {
  const team = workspace.teamId ?? workspace.enterpriseId;
  return team && channel && threadTs ? `slack:${team}:${channel}:${threadTs}` : undefined;
}

async function askForPerson(
  taking: TakingClicks,
  click: Click,
  installation: Installation,
): Promise<Received> {
  const threadId = threadIdOf(click);
  const { channel } = click;
  if (threadId === undefined || channel === undefined) return { kind: 'ignored', reason: 'other_click' };
  const userId = userIdOf(click, click.workspace);
  const agentId = await taking.findAgentOf(installation, channel);
  const agent = await findAgent(taking.pool, installation.tenantId, agentId);
  const actor = { type: 'slack-user', userId } as const;
  await handOver(taking, { installation, threadId, agent, userId, by: 'person', actor });
  return { kind: 'ignored', reason: 'handed_over' };
}

async function handItBack(
  taking: TakingClicks,
  click: Click,
  installation: Installation,
  threadId: string,
): Promise<Received> {
  const { pool } = taking;
  const { tenantId } = installation;
  const place = threadPlaceOf(threadId);
  const team = click.workspace.teamId ?? click.workspace.enterpriseId;
  // The value comes back from Slack as we have sent it; the tenant's own rows are all that it can name.
  if (!place || place.team !== team) return { kind: 'ignored', reason: 'other_click' };
  const isAllowed = isMember(click) && (await mayGiveBack(pool, { tenantId, threadId, user: click.user }));
  if (!isAllowed) {
    await sayPrivately(taking, click, installation, NOT_ALLOWED);
    return { kind: 'ignored', reason: 'click_refused' };
  }
  const userId = userIdOf(click, click.workspace);
  const actor = { type: 'slack-user', userId } as const;
  await giveBack(taking, { installation, threadId, actor });
  return { kind: 'ignored', reason: 'handed_back' };
}

/** Those who were named for it may give a thread back, and anybody where nobody was. */
async function mayGiveBack(
  pool: pg.Pool,
  { tenantId, threadId, user }: { tenantId: string; threadId: string; user: string },
): Promise<boolean> {
  const escalation = await findEscalation(pool, tenantId, threadId);
  const agentId = escalation?.agentId;
  const agent = agentId ? await findAgent(pool, tenantId, agentId) : undefined;
  const people = agent?.escalation?.people ?? [];
  return people.length === 0 || people.includes(user);
}

/** One line that only who clicked sees. A lost one is no loss. */
async function sayPrivately(
  { log }: TakingClicks,
  { channel, user, threadTs }: Click,
  { client }: Installation,
  text: string,
): Promise<void> {
  if (channel === undefined) return;
  // In a conversation with the agent there is no thread that others see.
  const thread = threadTs === undefined || channel.startsWith('D') ? {} : { thread_ts: threadTs };
  await client.chat
    .postEphemeral({ channel, user, text, ...thread })
    .catch((error: unknown) => log.debug({ err: error }, 'nobody is told why a click did nothing'));
}
