/** What passes between a person and an agent, and what is remembered of it. */

export type Role = 'user' | 'assistant';

/** One message of the window, verbatim. */
export type ConversationMessage = { role: Role; content: string };

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

/** A remembered message that was found for a query. `score` is its cosine similarity, −1 to 1. */
export type RecalledMemory = {
  content: string;
  role: Role;
  score: number;
  /** ISO 8601. */
  createdAt: string;
  /** Shared by a user's message and its answer. */
  exchangeId: string;
};

/** The channel a message came through, and what is needed to answer there. */
export type Channel = { type: 'http' } | SlackChannel;

/** A place in a Slack workspace. Ids are Slack's own; no token is ever part of it. */
export type SlackChannel = {
  type: 'slack';
  /** The workspace, `T…`. */
  team: string;
  /** The conversation, `C…`, `G…` or `D…`. */
  channel: string;
  /** The thread that is answered in: the one the message stands in, else the message itself. */
  threadTs: string;
  /** The message that is answered. */
  eventTs: string;
  /** What kind of place it is; an `assistant` thread shows a status, the others a placeholder. */
  surface: 'channel' | 'im' | 'assistant';
};

/** A message as the API accepted it: verified, validated, normalised and entered in the ledger. */
export type InboundMessage = Scope & {
  messageId: string;
  channel: Channel;
  threadId?: string;
  text: string;
  /** ISO 8601, the ledger's clock. */
  receivedAt: string;
  /** The message's number within its scope, from 1 without gaps. */
  seq: number;
  /** How many earlier turns of the scope the ledger still held open at acceptance. */
  turnsAhead: number;
};
