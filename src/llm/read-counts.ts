import { asCount, asObject, type Json } from './json.ts';
import type { Piece } from './piece.ts';

/** The counts of a chunk, wherever it has them. */
export function countsOf(
  chunk: Json,
): Pick<Piece, 'promptTokens' | 'completionTokens' | 'reasoningTokens'> | undefined {
  const usage =
    asObject(chunk['usage']) ??
    asObject(chunk['usageMetadata']) ??
    ['x_groq', 'message', 'delta', 'metadata', 'response']
      .map((name) => asObject(asObject(chunk[name])?.['usage']))
      .find((found) => found !== undefined) ??
    asObject(asObject(chunk['meta'])?.['tokens']) ??
    (chunk['eval_count'] !== undefined || chunk['tokens_predicted'] !== undefined ? chunk : undefined);
  if (!usage) return undefined;
  const inner = asObject(usage['tokens']);
  const count = (...names: string[]) =>
    names.map((name) => asCount(usage[name]) ?? asCount(inner?.[name])).find((n) => n !== undefined);
  const details = asObject(usage['completion_tokens_details']) ?? asObject(usage['output_tokens_details']);
  const promptTokens = count(
    'prompt_tokens',
    'input_tokens',
    'inputTokens',
    'promptTokenCount',
    'prompt_eval_count',
    'tokens_evaluated',
  );
  const completionTokens = count(
    'completion_tokens',
    'output_tokens',
    'outputTokens',
    'candidatesTokenCount',
    'eval_count',
    'tokens_predicted',
  );
  const reasoningTokens =
    asCount(details?.['reasoning_tokens']) ?? count('reasoning_tokens', 'thoughtsTokenCount');
  return {
    ...(promptTokens !== undefined && { promptTokens }),
    ...(completionTokens !== undefined && { completionTokens }),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
  };
}
