/** The API's own requests. The same schemas validate and make /openapi.json. */
import { z } from 'zod';
import { MAX_TOP_K } from '../domain/agent.ts';
import { LLM_WITHIN_MS } from '../domain/timing.ts';
import { MAX_PROMPT_TOKENS } from '../domain/bounds.ts';
import { check, idField, MAX_TEXT_LENGTH, textField } from '../intake/fields.ts';
import { badField } from './problems.ts';

const recall = z.strictObject({
  topK: z.int().min(0).max(MAX_TOP_K).optional().describe('Exchanges recalled at most; 0 turns recall off.'),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('How well the best exchange must fit for anything to be recalled.'),
  cosineWeight: z.number().min(0).max(1).optional().describe('How much meaning weighs against words.'),
  maxWords: z.int().min(1).max(5_000).optional().describe('Words that recalled text may take in the prompt.'),
  fillWords: z
    .int()
    .min(0)
    .max(5_000)
    .optional()
    .describe('Messages beside the recalled exchanges are added up to this many words.'),
});

const bound = (max: number) => z.int().min(1).max(max).nullable().optional();
const llm = z
  .strictObject({
    silenceMs: bound(LLM_WITHIN_MS).describe('How long the model’s server may be silent, in ms.'),
    withinMs: bound(LLM_WITHIN_MS).describe('How long one answer may take, in ms.'),
    contextTokens: bound(10_000_000).describe('What the model’s context holds, prompt and answer together.'),
    maxOutputTokens: bound(1_000_000).describe('The largest answer, in tokens.'),
  })
  .describe('Bounds of the model; null gives one back to the deployment.');

const agentFields = {
  name: textField(200).refine((value) => value.trim() !== '', 'must not be empty'),
  jobTitle: textField(200).optional(),
  persona: textField(8_000).optional(),
  systemPrompt: textField(MAX_TEXT_LENGTH).optional(),
  model: textField(200).nullable().optional(),
  maxPromptTokens: z.int().min(1).max(MAX_PROMPT_TOKENS).nullable().optional(),
  recall: recall.optional(),
  llm: llm.optional(),
  liveReplies: z
    .boolean()
    .optional()
    .describe('Where the channel can: show the reply while the model writes it.'),
};

export const newAgentBody = z.strictObject(agentFields);
export const agentChangesBody = z.strictObject({ ...agentFields, name: agentFields.name.optional() });
const tenantName = textField(200).refine((value) => value.trim() !== '', 'must not be empty');
const rateLimit = z.strictObject({
  burst: z.int().min(1).max(1_000_000).optional().describe('Messages taken at once.'),
  perMinute: z.int().min(1).max(1_000_000).optional().describe('Messages taken a minute after that.'),
});
export const newTenantBody = z.strictObject({ name: tenantName });
export const tenantChangesBody = z.strictObject({
  name: tenantName.optional(),
  rateLimits: z.strictObject({ user: rateLimit.optional(), tenant: rateLimit.optional() }).optional(),
});

export const userIdParam = idField;
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
});

/**
 * What `value` holds, or a Problem that names the first faulty field. `where` names a value that has no
 * fields.
 */
export function validate<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const checked = check(schema, value, where);
  if (checked.kind === 'invalid') throw badField(checked);
  return checked.value;
}
