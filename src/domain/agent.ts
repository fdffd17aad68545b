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
  /** Whether a reply grows in its Slack message while the model writes. */
  liveReplies: boolean;
};

/** How an agent recalls. */
export type RecallSettings = {
  /** How many exchanges are returned at most; 0 turns recall off. */
  topK: number;
  /** Lowest cosine similarity that counts. */
  threshold: number;
};

/**
 * Defaults by measurement: questions and the statements that answer them mostly score 0.3–0.6 with
 * all-MiniLM-L6-v2, unrelated pairs 0.24 in the median, 0.47 at the 95th percentile.
 */
export const DEFAULT_RECALL: RecallSettings = { topK: 3, threshold: 0.35 };
