/** What a chunk says; everything may be absent. */
export type Piece = {
  /** To be added to the text so far. */
  text?: string;
  /** The whole text so far, or a piece more: the chunk has a `message` where streams have a `delta`. */
  message?: string;
  reasoning?: string;
  refusal?: string;
  finish?: string;
  promptTokens?: number;
  completionTokens?: number;
  reasoningTokens?: number;
  model?: string;
  /** What the server calls an error, as it came. */
  error?: unknown;
  /** The shape's own end, where no finish reason is needed. */
  end?: true;
  /** Counts alone, without a place for text: in streams that comes last. */
  countsAlone?: true;
};
