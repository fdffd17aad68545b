/**
 * What a click of somebody on one of our buttons does. What they may not do is refused here, not in Slack.
 */
import type pg from 'pg';
import { hasPeople } from '../../../domain/hand-over.ts';
import { NOBODY_NAMED, NOT_ALLOWED } from '../../../domain/words.ts';
import { findAgent } from '../../../db/agents.ts';
import { findEscalation } from '../../../db/escalations.ts';
import type { FairPlaces } from '../../../lib/fair-places.ts';
import type { InboundContext, Received } from '../../channel.ts';
import { giveBack, handOver } from '../handover/hand-over.ts';
import { HAND_BACK } from '../handover/tell-people.ts';
import { threadPlaceOf } from '../handover/thread-id.ts';
import type { TakeHomeClick } from '../home/home-clicks.ts';
import type { Visitor } from '../home/take-home.ts';
import { ASK_FOR_PERSON, FEEDBACK, WHY } from '../outbound/reply-buttons.ts';
import { sayPrivately, sayWhy, takeFeedback } from './reply-clicks.ts';
import type { FindAgent, Installation } from './installations.ts';
import type { Click } from './interactions.ts';
import { userIdOf } from './people.ts';
import { ASKING_COUNTS, type PersonalLimit } from '../personal-limit.ts';

export type TakingClicks = Pick<InboundContext, 'pool' | 'redis' | 'temporal' | 'log'> & {
  findAgentOf: FindAgent;
  takeHomeClick: TakeHomeClick;
  mayDo: PersonalLimit;
  readInTurn: FairPlaces;
};

/** Takes a click whose installation is known. Rejects when it can't be carried out now. */
export async function takeClick(
  taking: TakingClicks,
  click: Click,
  installation: Installation,
): Promise<Received> {
  for (const { id, value } of click.actions) {
    const atHome = taking.takeHomeClick(visitorOf(click, installation), { id, value });
    if (atHome) return atHome;
    switch (id) {
      case WHY:
        return sayWhy(taking, click, installation, value);
      case FEEDBACK:
        return takeFeedback(taking, click, installation, value);
      case ASK_FOR_PERSON:
        return askForPerson(taking, click, installation, value);
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

/**
 * Whether a button's thread is of the place that is clicked in: the workspace, or any of its organisation.
 * The value comes back from Slack as we have sent it, and names only what is the tenant's own.
 */
function isOfPlace({ workspace }: Click, threadId: string): boolean {
  const place = threadPlaceOf(threadId);
  return place !== undefined && (workspace.enterpriseId !== undefined || place.team === workspace.teamId);
}

function isThreadOf(click: Click, threadId: string): boolean {
  return isOfPlace(click, threadId) && threadPlaceOf(threadId)?.channel === click.channel;
}

async function askForPerson(
  taking: TakingClicks,
  click: Click,
  installation: Installation,
  value: string,
): Promise<Received> {
  const { channel, threadTs, workspace } = click;
  // The button names its thread: an organisation's installation is told of no workspace here. A button
  // without a name is of the workspace.
  const threadId = value || `slack:${workspace.teamId}:${channel}:${threadTs}`;
  if (channel === undefined || !isThreadOf(click, threadId))
    return { kind: 'ignored', reason: 'other_click' };
  const userId = userIdOf(click, click.workspace);
  if (!(await taking.mayDo(installation.tenantId, userId, ASKING_COUNTS)))
    return { kind: 'ignored', reason: 'too_many_clicks' };
  const agentId = await taking.findAgentOf(installation, channel);
  const agent = await findAgent(taking.pool, installation.tenantId, agentId);
  if (!hasPeople(agent)) {
    await sayPrivately(taking, click, installation, NOBODY_NAMED);
    return { kind: 'ignored', reason: 'nobody_named' };
  }
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
  if (!isOfPlace(click, threadId)) return { kind: 'ignored', reason: 'other_click' };
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

/** Who looks at the Home tab: nobody but they themselves are ever named by what they click. */
function visitorOf(click: Click, { client, tenantId, agentId }: Installation): Visitor {
  const userId = userIdOf(click, click.workspace);
  return {
    client,
    scope: { tenantId, agentId, userId },
    user: click.user,
    directChannel: click.directChannel,
  };
}
