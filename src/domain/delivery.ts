/** How a turn's reply finds its way back to the person. Names no channel. */
import type { Channel, Scope } from './conversation.ts';
import type { NoReplyReason } from './failures.ts';

/** A turn whose reply is pushed to its channel. */
export type DeliveryTurn = Scope & {
  messageId: string;
  /** The turn's place in the window. */
  seq: number;
  threadId: string;
  channel: Channel;
};

/** What shows in the channel that the agent is at work, in the channel's own terms. JSON. */
export type Progress = Readonly<Record<string, unknown>>;

/** How far a reply has got in its channel. One step leaves it, the next goes on from it. */
export type DeliveryState = {
  /** Null when nothing shows that the agent is at work, or nobody knows. */
  progress: Progress | null;
  /** Whether the whole reply stands in the channel. */
  delivered: boolean;
  /**
   * True when more may stand in the channel than is known: a call failed, or an attempt may have been cut
   * off.
   */
  uncertain: boolean;
  /** Present when the agent has asked for a person, and nobody is told yet. */
  asksForPerson?: true;
  /** Present when nothing is to be said, and what shows that the agent is at work may still stand there. */
  saysNothing?: true;
  /** Present when a person has taken over, and not all are told yet. */
  isUntold?: true;
  /** Present when the channel must not be called again for this long, counted from the step's end. */
  retryAfterMs?: number;
};

/** What the step that answers a turn may do in its channel. */
export type EarlyDeliveryInput = {
  turn: DeliveryTurn;
  /** What an earlier step has left there. */
  state?: DeliveryState;
  /**
   * Present when another step shows there that the agent is at work, and nobody knows how far it is: nothing
   * is shown beside it, and all that is to be said is left to the step that delivers.
   */
  isShownElsewhere?: true;
};

/** What the step that answers a turn says in its failure. */
export type AnswerFailureDetails = {
  /** So that the apology replaces the placeholder; absent where nothing is pushed. */
  delivery?: DeliveryState;
  /** Present when the person can be told why. */
  reason?: NoReplyReason;
};
