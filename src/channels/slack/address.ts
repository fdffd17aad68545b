import { z } from 'zod';
import type { Channel } from '../../domain/conversation.ts';

/** A place in a Slack workspace. Ids are Slack's own; no token is ever part of it. */
const slackAddress = z.object({
  /** The workspace, `T…`. */
  team: z.string(),
  /**
   * Where the app was installed by OAuth: the workspace, or its organisation. Absent for the workspace of
   * `SLACK_BOT_TOKEN`.
   */
  place: z.string().optional(),
  /** The conversation, `C…`, `G…` or `D…`. */
  channel: z.string(),
  /** The thread that is answered in: the one that the message stands in, else the message itself. */
  threadTs: z.string(),
  /** The message that is answered. */
  eventTs: z.string(),
  /** An `assistant` thread shows a status, the others a placeholder. */
  surface: z.enum(['channel', 'im', 'assistant']),
});

export type SlackAddress = z.output<typeof slackAddress>;

/** Where a turn is answered. Throws for a channel that is not Slack's. */
export function slackAddressOf(channel: Channel): SlackAddress {
  return slackAddress.parse(channel.address);
}

/**
 * What shows that the agent is at work: a message that the reply will replace, a status that goes away with
 * the reply, or the conversation's session, which is to be ended. `session`: one is to be ended beside it.
 */
export const slackProgress = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('message'), ts: z.string(), session: z.literal(true).optional() }),
  z.object({ kind: z.literal('status'), session: z.literal(true).optional() }),
  z.object({ kind: z.literal('session') }),
  z.object({ kind: z.literal('stream'), ts: z.string() }),
]);

export type SlackProgress = z.output<typeof slackProgress>;
