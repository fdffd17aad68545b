import type { Agent } from './agent.ts';
import type { ConversationMessage, InboundMessage, NearestMiss, RecalledMemory } from './conversation.ts';
import type { DeliveryState } from './delivery.ts';
import type { TurnSeals } from './seals.ts';
import type { TurnFigures } from './turn-figures.ts';

/** The input of workflow `HandleMessage`. The agent is as it was when the message was accepted. */
export type HandleMessageInput = {
  message: InboundMessage;
  agent: Agent;
  limits: TurnLimits;
  /** What intake has sealed it with; without seals no step runs. */
  seals?: TurnSeals;
  /** Present in a turn that is answered once more: an earlier run may have left something in the channel. */
  again?: true;
};

/** Bounds that an operator may set; fixed at acceptance, so a replay sees the same. */
export type TurnLimits = {
  /** How long a turn may hold its followers, counted from when it is itself at work. */
  holdFollowersMs: number;
  /** Prompt budget for agents that set none, in tokens. */
  maxPromptTokens: number;
  /** A turn that has not begun to answer by then ends in the apology. */
  answeredWithinMs?: number;
};

/** What may be missing from a reply because a service was away or slow. */
export type Missing = 'window' | 'recall' | 'embedding' | 'append' | 'order' | 'delivery';

/** What memory gave for a turn. */
export type GatheredContext = {
  /** What of the window fits the prompt's room and what a turn may carry; oldest first. */
  window: ConversationMessage[];
  /** How many older messages of the window that leaves out; absent for none. */
  droppedFromWindow?: number;
  recalled: RecalledMemory[];
  /** How recall decided; absent when it didn't come to that. */
  receipt?: RecallReceipt;
  /** The message's embedding, base64 of 384 little-endian float32; null when embedding failed. */
  embedding: string | null;
  /** The same of the message in the first person, when it names the user or the agent. */
  inFirstPerson?: string;
  /** The embedding's. */
  seals?: Pick<TurnSeals, 'embedding'>;
  missing: Missing[];
  timingsMs: { window: number; embed: number; recall: number };
};

/** What a turn tells of its memory once the model is asked: `windowSize` counts what was left out, too. */
export type ToldMemory = Omit<GatheredContext, 'window' | 'droppedFromWindow'> & {
  windowSize: number;
  /** By the prompt's budget, and by what a turn may carry. */
  droppedFromWindow: number;
};

/** Why recall gave what it gave. */
export type RecallReceipt = {
  /** How well the best exchange fitted, and what the agent asks for. */
  match: number;
  threshold: number;
  /** The best one that was not recalled. */
  nearestMiss: NearestMiss | null;
  /** Present when the memory is too large to be compared in whole: so many of its newest passages were. */
  comparedNewest?: number;
};

export type TokenUsage = { promptTokens: number; completionTokens: number };

/** How much a model thought before it answered; its text is kept nowhere. Tokens where the server says. */
export type ReasoningCount = { tokens: number } | { characters: number };

/** What was left out of a prompt that was too long for the server. */
export type Shortened = {
  /** Messages of the window. */
  windowMessages: number;
  /** Whether what was recalled was left out. */
  context: boolean;
  /** Characters out of the middle of the current message or of the system prompt. */
  characters: number;
};

/** How the model's answer came about, as far as it is worth saying. */
export type AnswerNotes = {
  /** As the server said it; absent when it said nothing. */
  finishReason?: string;
  /** Present when the answer reached its length limit and breaks off. */
  cutOff?: true;
  /** Present when the model thought before it answered. */
  reasoning?: ReasoningCount;
  /** Present when the server took less than the prompt. */
  droppedFromPrompt?: Shortened;
};

/** What the step that answers a turn gives. */
export type TurnAnswer = AnswerNotes & {
  text: string;
  model: string;
  usage: TokenUsage | null;
  /** What closes the code block in which a text was cut off: the line that says so would be code. */
  closing?: string;
  /** `total` is the model's; `delivery` runs from there until the reply stands in its channel. */
  timingsMs: { firstToken: number; total: number; delivery?: number };
  /** Which texts are longer than what one message may cost the embedding model; absent for none. */
  embeddedInPart?: Array<'message' | 'reply'>;
  /** Present when the step was asked to deliver early. */
  delivery?: DeliveryState;
  /** Present when the window holds the turn by now, with this text. */
  appended?: true;
  /** The text's. */
  seals?: Pick<TurnSeals, 'reply' | 'shown'>;
};

/** The result of `HandleMessage`: the receipt that answers "why did it say that". */
export type TurnResult = AnswerNotes & {
  reply: { text: string };
  memory: {
    windowSize: number;
    recalled: RecalledMemory[];
    /** Absent when nothing was asked of recall, or it failed. */
    receipt?: RecallReceipt;
    /** Oldest window messages left out to stay within the prompt budget and what a turn may carry. */
    droppedFromWindow: number;
    /**
     * Which of the turn's texts the embedding model reads in part: longer than what one message may cost;
     * absent for none. Window and memory keep them whole, and recall by words finds all of them.
     */
    embeddedInPart?: Array<'message' | 'reply'>;
  };
  /** What this reply had to do without; empty when all was well. */
  missing: Missing[];
  /** Present when the turn waited for the one before it. */
  waitedFor?: { workflowId: string; finished: boolean };
  model: string;
  usage: TokenUsage | null;
  timingsMs: Record<string, number>;
};

/** The input of workflow `EmbedAndStore`: a finished turn. */
export type EmbedAndStoreInput = {
  message: InboundMessage;
  reply: string;
  /** ISO 8601. */
  repliedAt: string;
  /** The user message's embedding, if the reply already needed it (see `GatheredContext.embedding`). */
  embedding: string | null;
  /** True when the window could not be written within the reply's bound and is still owed the turn. */
  appendOwed: boolean;
  /** For the ledger; `missing` without what the append adds. */
  figures?: TurnFigures;
  /** The turn's, with its reply's. */
  seals?: TurnSeals;
};
