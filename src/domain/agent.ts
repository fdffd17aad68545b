/** An AI employee, as its tenant configured it. */
export type Agent = {
  id: string;
  tenantId: string;
  name: string;
  jobTitle: string;
  persona: string;
  systemPrompt: string;
  /** The model to ask; null means the deployment's default (`LLM_MODEL`). */
  model: string | null;
  /** Upper bound of the prompt in tokens, as `estimateTokens` counts; null means the deployment's default. */
  maxPromptTokens: number | null;
  recall: RecallSettings;
  /** Whether a reply is shown while the model writes it, where the channel can. */
  liveReplies: boolean;
  /** Bounds of its model; what is left out the deployment sets. Absent in agents of before 0.2. */
  llm?: LlmSettings;
  /** Who takes over where the agent should not go on; absent: nobody was named. */
  escalation?: EscalationSettings;
};

export type EscalationSettings = {
  /** Members of the workspace, by their ids there: they are told, and may hand a thread back. */
  people: string[];
};

/** Bounds of an agent's model. */
export type LlmSettings = {
  /** How long the server may be silent, before its first byte and between two. */
  silenceMs?: number;
  /** How long one answer may take. */
  withinMs?: number;
  /** What the model's context holds, in its own tokens. */
  contextTokens?: number;
  /** The largest answer, in tokens. */
  maxOutputTokens?: number;
};

/** How an agent recalls. docs/MEMORY.md says what each does and how the defaults were found. */
export type RecallSettings = {
  /** How many exchanges are returned at most; 0 turns recall off. */
  topK: number;
  /** How well the best exchange must fit, 0 to 1, for anything to be recalled. */
  threshold: number;
  /** How much meaning weighs against words, 0 to 1. */
  cosineWeight: number;
  /** Words that recalled text may take in the prompt; the best exchange is given in any case. */
  maxWords: number;
  /** Up to so many words the messages beside the recalled exchanges are added; 0 adds none. */
  fillWords: number;
};

/** Exchanges that an agent may recall at most. */
export const MAX_TOP_K = 20;

/** By measurement (docs/MEMORY.md), with all-MiniLM-L6-v2. */
export const DEFAULT_RECALL: RecallSettings = {
  topK: 5,
  threshold: 0.14,
  cosineWeight: 0.5,
  maxWords: 200,
  fillWords: 190,
};
