/** What passes between a person and an agent, and what is remembered of it. */

export type Role = 'user' | 'assistant';

/** One message of the window, verbatim. */
export type ConversationMessage = { role: Role; content: string };

/** A message of the window with the id of its turn, where that is known. */
export type WindowMessage = ConversationMessage & { messageId?: string | undefined };

/** A row of `conversation_embeddings`: one remembered message with its 384-wide embedding. */
export type ConversationEmbedding = {
  id: string;
  tenantId: string;
  agentId: string;
  userId: string;
  content: string;
  role: Role;
  embedding: number[];
  createdAt: Date;
};

/** What is sent to the LLM. */
export type PromptMessage = { role: 'system' | Role; content: string };

/** All memory belongs to one scope: two users of one agent share nothing. */
export type Scope = { tenantId: string; agentId: string; userId: string };

/** A remembered message that was found for a query: the scores are its exchange's. */
export type RecalledMemory = {
  /** The message, or the passage of it that was found. */
  content: string;
  role: Role;
  /** What it was ranked by: its share of what all that is remembered fits, 0 to 1. */
  score: number;
  /** Similarity of meaning, −1 to 1. */
  cosine: number;
  /** Share of the question's words that it holds, the rarer the heavier, 0 to 1. */
  lexical: number;
  /** ISO 8601. */
  createdAt: string;
  /** Shared by a user's message and its answer. */
  exchangeId: string;
  /** The place of the exchange among those found, from 1. Absent in a message that stood `beside` one. */
  rank?: number;
  /** The rank of the exchange beside which this message stood. */
  beside?: number;
};

/** The best exchange that was not recalled, and what it fell short of. */
export type NearestMiss = {
  exchangeId: string;
  createdAt: string;
  cosine: number;
  lexical: number;
  score: number;
  why: 'threshold' | 'topK' | 'words';
};

/** What recall gives, and what it went by. */
export type Recollection = {
  /** Best exchange first, each with the messages beside it. */
  recalled: RecalledMemory[];
  /** How well the best fits; compared with the agent's threshold. */
  match: number;
  nearestMiss: NearestMiss | null;
  /** Present when there is more than one recall may compare: how many of the newest passages it compared. */
  comparedNewest?: number;
};

/** The channel that a message came through. */
export type Channel = {
  /** Its name, as src/channels registers it; the search attribute `Channel`. */
  name: string;
  /**
   * Where the reply is pushed to, in the channel's own terms: JSON, no secrets. Absent where the sender
   * fetches the reply.
   */
  address?: Readonly<Record<string, unknown>>;
};

/**
 * Something that was said before in the place where a message stands, by whomever: the model sees it as a
 * quotation, with this one message. It is no memory of anybody's.
 */
export type BackgroundMessage = {
  /** A display name. */
  author: string;
  /** ISO 8601. */
  at: string;
  text: string;
  /** Whether the agent itself said it, to somebody else. */
  isAgent?: boolean;
};

/** A message as the API accepted it: verified, validated, normalised and entered in the ledger. */
export type InboundMessage = Scope & {
  messageId: string;
  channel: Channel;
  threadId?: string;
  /** The user's display name, where the channel knows it. */
  userName?: string;
  text: string;
  /** What was said before in its thread and is not in the memory of its user; oldest first. */
  background?: readonly BackgroundMessage[];
  /** ISO 8601, the ledger's clock. */
  receivedAt: string;
  /** The message's number within its scope, from 1 without gaps. */
  seq: number;
  /**
   * How many earlier turns of the scope might still be running at acceptance; 0 when the last of them had
   * been answered.
   */
  turnsAhead: number;
};
