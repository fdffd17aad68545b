import type { SlackChannel } from './conversation.ts';

/** A turn that is answered in Slack. */
export type SlackTurn = {
  tenantId: string;
  agentId: string;
  messageId: string;
  threadId: string;
  place: SlackChannel;
};

/** One whose reply is handed over by the step that asks the model. */
export type HandoverTurn = SlackTurn & {
  /** Its place in the window, where the same step puts it once the reply stands in Slack; left out, it doesn't. */
  window?: { userId: string; seq: number };
};

/** What shows that the agent is at work: a message that the reply will replace, or a status that needs no cleaning up. */
export type PlaceholderPosted = { kind: 'message'; ts: string } | { kind: 'status' };

/** A reply on its way to Slack. */
export type SlackReply = SlackTurn & {
  /** Null when posting it failed, or nobody knows whether it did. */
  placeholder: PlaceholderPosted | null;
  /** True when an earlier step has tried and may have got further than it knows. */
  tried?: boolean;
  /** The messages that the reply becomes, in markdown; fixed before the first is posted. */
  parts: string[];
};

/** How far the step that asks the model has got in Slack by itself. */
export type HandedOver = {
  placeholder: PlaceholderPosted | null;
  /** Whether the reply stands in the thread. */
  delivered: boolean;
  /** True when more may stand there than is known: a call failed, or an attempt before may have been cut off. */
  tried: boolean;
  /** Present when Slack should not be called again for so long, counted from the step's end. */
  retryAfterMs?: number;
};

/** What the failure of that step says of it, so that the apology takes the placeholder's place. */
export type ReplyFailureDetails = { handedOver: HandedOver };

/** Where a reply can be shown while it is written. */
export type LivePlace = { messageId: string; place: SlackChannel; ts: string };
