import type { SlackChannel } from './conversation.ts';

/** A turn that is answered in Slack. */
export type SlackTurn = {
  tenantId: string;
  agentId: string;
  messageId: string;
  threadId: string;
  place: SlackChannel;
};

/** What shows that the agent is at work: a message that the reply will replace, or a status that needs no cleaning up. */
export type PlaceholderPosted = { kind: 'message'; ts: string } | { kind: 'status' };

/** A reply on its way to Slack. */
export type SlackReply = SlackTurn & {
  /** Null when posting it failed, or nobody knows whether it did. */
  placeholder: PlaceholderPosted | null;
  /** The messages that the reply becomes, in markdown; fixed before the first is posted. */
  parts: string[];
};

/** Where a reply can be shown while it is written. */
export type LivePlace = { messageId: string; place: SlackChannel; ts: string };
