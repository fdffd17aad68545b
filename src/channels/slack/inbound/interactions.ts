/**
 * Clicks on our buttons, read. Pure. Source:
 * docs.slack.dev/reference/interaction-payloads/block_actions-payload.
 */
import { z } from 'zod';
import type { Workspace } from './events.ts';
import { slackId, slackTimestamp } from './message-event.ts';

const action = z.object({
  action_id: z.string().max(255),
  value: z.string().max(2_000).nullish(),
});

const payload = z.object({
  type: z.literal('block_actions'),
  user: z.object({ id: slackId, team_id: slackId.nullish() }),
  team: z.object({ id: slackId, enterprise_id: slackId.nullish() }).nullish(),
  enterprise: z.object({ id: slackId }).nullish(),
  is_enterprise_install: z.boolean().nullish(),
  channel: z.object({ id: slackId }).nullish(),
  message: z.object({ ts: slackTimestamp, thread_ts: slackTimestamp.nullish() }).nullish(),
  trigger_id: z.string().nullish(),
  view: z.object({ private_metadata: z.string().max(3_000).nullish() }).nullish(),
  actions: z.array(action).max(20),
});

/** Somebody has clicked. */
export type Click = {
  workspace: Workspace;
  /** Slack's id of who clicked, and the workspace that is theirs. */
  user: string;
  userTeam: string | undefined;
  channel: string | undefined;
  /** The message that holds the button, and its thread. */
  messageTs: string | undefined;
  threadTs: string | undefined;
  triggerId: string | undefined;
  /** On the Home tab: the person's conversation with the agent, as the page was given it. */
  directChannel: string | undefined;
  actions: ReadonlyArray<{ id: string; value: string }>;
};

/** The form's field that holds it, as HTTP brings it; undefined for anything else. */
export function payloadIn(body: string): unknown {
  try {
    return JSON.parse(new URLSearchParams(body).get('payload') ?? '');
  } catch {
    return undefined;
  }
}

/** Reads a click; undefined for an interaction that is none. */
export function readClick(sent: unknown): Click | undefined {
  const read = payload.safeParse(sent);
  if (!read.success) return undefined;
  const { user, team, enterprise, channel, message, trigger_id, actions } = read.data;
  const isOrganisations = read.data.is_enterprise_install === true;
  return {
    workspace: {
      teamId: team?.id,
      enterpriseId: enterprise?.id ?? team?.enterprise_id ?? undefined,
      installedIn: isOrganisations ? 'organisation' : 'either',
      // Who belongs to another company says so by their own workspace; see colleagues.ts.
      isShared: true,
    },
    user: user.id,
    userTeam: user.team_id ?? undefined,
    channel: channel?.id,
    messageTs: message?.ts,
    threadTs: message?.thread_ts ?? message?.ts,
    triggerId: trigger_id ?? undefined,
    directChannel: directChannelIn(read.data.view?.private_metadata ?? undefined),
    actions: actions.map(({ action_id: id, value }) => ({ id, value: value ?? '' })),
  };
}

const homeMetadata = z.object({ directChannel: slackId });

function directChannelIn(metadata: string | undefined): string | undefined {
  try {
    return homeMetadata.safeParse(JSON.parse(metadata ?? '')).data?.directChannel;
  } catch {
    return undefined;
  }
}
