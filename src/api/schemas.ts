/** What requests may hold. The same schemas validate and make /openapi.json. */
import { z } from 'zod';
import { MAX_TOP_K } from '../domain/agent.ts';
import { idProblem, MAX_ID_LENGTH } from '../domain/ids.ts';
import { badField } from './problems.ts';

export const MAX_TEXT_LENGTH = 32_000;

/** Text that Postgres and UTF-8 can hold. Length in Unicode characters, not UTF-16 units. */
const text = (max: number) =>
  z
    .string()
    .refine((value) => !value.includes('\u0000'), 'must not contain NUL characters')
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode (it has a lone surrogate)')
    .refine((value) => value.length <= max || Array.from(value).length <= max, {
      message: `must be at most ${max.toLocaleString('en')} characters`,
      params: { tooLarge: true },
    })
    .meta({ maxLength: max });

const id = z
  .string()
  .superRefine((value, context) => {
    const problem = idProblem(value);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({ minLength: 1, maxLength: MAX_ID_LENGTH });

/** The body of `POST /v1/agents/{agentId}/messages`. Unknown fields are ignored: a sender may be newer than we are. */
export const messageBody = z.object({
  userId: id.describe('Who speaks. One user keeps one memory per agent, across threads.'),
  text: text(MAX_TEXT_LENGTH).refine((value) => value.trim() !== '', 'must not be empty'),
  threadId: id.optional(),
});

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
    .describe('Up to so many words the messages beside the recalled exchanges are added.'),
});

const agentFields = {
  name: text(200).refine((value) => value.trim() !== '', 'must not be empty'),
  jobTitle: text(200).optional(),
  persona: text(8_000).optional(),
  systemPrompt: text(MAX_TEXT_LENGTH).optional(),
  model: text(200).nullable().optional(),
  maxPromptTokens: z.int().min(1).max(2_000_000).nullable().optional(),
  recall: recall.optional(),
  liveReplies: z.boolean().optional().describe('In Slack: show the reply while the model writes it.'),
};

export const newAgentBody = z.strictObject(agentFields);
export const agentChangesBody = z.strictObject({ ...agentFields, name: agentFields.name.optional() });
const tenantName = text(200).refine((value) => value.trim() !== '', 'must not be empty');
const rateLimit = z.strictObject({
  burst: z.int().min(1).max(1_000_000).optional().describe('Messages taken at once.'),
  perMinute: z.int().min(1).max(1_000_000).optional().describe('Messages taken a minute after that.'),
});
export const newTenantBody = z.strictObject({ name: tenantName });
export const tenantChangesBody = z.strictObject({
  name: tenantName.optional(),
  rateLimits: z.strictObject({ user: rateLimit.optional(), tenant: rateLimit.optional() }).optional(),
});

export const idempotencyKeyHeader = id;
export const userIdParam = id;
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
});

/** What `value` holds, or a Problem that names the first field that is wrong. `where` names a value that has no fields. */
export function validate<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.length ? issue.path.join('.') : where;
  if (issue?.code === 'unrecognized_keys') throw badField(issue.keys.join(', '), 'is not a known field');
  const missing =
    issue?.code === 'invalid_type' && issue.input === undefined && /undefined/.test(issue.message);
  const tooLarge = issue?.code === 'custom' && issue.params?.['tooLarge'] === true;
  throw badField(field, missing ? 'is required' : (issue?.message ?? 'is invalid'), tooLarge ? 413 : 400);
}
