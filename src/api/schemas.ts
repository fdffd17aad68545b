/** The API's own requests. The same schemas validate and make /openapi.json. */
import { z } from 'zod';
import { MAX_TOP_K } from '../domain/agent.ts';
import { KEY_ROLES } from '../domain/key-roles.ts';
import { LLM_WITHIN_MS } from '../domain/timing.ts';
import { MAX_PROMPT_TOKENS, MAX_TEXT_LENGTH } from '../domain/bounds.ts';
import { check, filledText, idField, textField } from '../intake/fields.ts';
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
  name: filledText(200),
  jobTitle: textField(200).optional(),
  persona: textField(8_000).optional(),
  systemPrompt: textField(MAX_TEXT_LENGTH).optional(),
  model: textField(200).nullable().optional(),
  maxPromptTokens: z.int().min(1).max(MAX_PROMPT_TOKENS).nullable().optional(),
  recall: recall.optional(),
  llm: llm.optional(),
  escalation: z
    .strictObject({
      people: z
        .array(z.string().regex(/^[UW][A-Z0-9]{1,59}$/, 'must be the id of a member in Slack (U…)'))
        .max(20)
        .describe('Who takes over: ids of members in Slack. They are told, and may hand a thread back.'),
    })
    .optional()
    .describe('Who takes over where the agent should not go on.'),
  liveReplies: z
    .boolean()
    .optional()
    .describe('Where the channel can: show the reply while the model writes it.'),
};

/** A channel by Slack's id of it. A direct conversation has the workspace's own agent. */
export const slackChannelParam = z
  .string()
  .regex(/^[CG][A-Z0-9]{1,30}$/, 'must be the id of a channel in Slack (C…)');

/** Who is silent; the thread's own agent, unless given. */
export const escalationBody = z.strictObject({ agentId: z.uuid().toLowerCase().optional() });

export const newAgentBody = z.strictObject(agentFields);
export const agentChangesBody = z.strictObject({ ...agentFields, name: agentFields.name.optional() });
/** What is looked for. The longest message may be long, a question to a memory is not. */
export const searchBody = z.strictObject({
  query: filledText(2_000).describe('What to look for.'),
  by: z
    .enum(['meaning', 'words'])
    .optional()
    .describe('What alone is looked at; both, as the agent’s recall weighs them, unless given.'),
});
export const previewBody = z.strictObject({
  userId: idField.describe('Whose memory is looked into.'),
  text: filledText(MAX_TEXT_LENGTH),
  agent: agentChangesBody.optional().describe('What of the agent would be other; nothing is saved.'),
});
const tenantName = filledText(200);
const rateLimit = z.strictObject({
  burst: z.int().min(1).max(1_000_000).optional().describe('Messages taken at once.'),
  perMinute: z.int().min(1).max(1_000_000).optional().describe('Messages taken a minute after that.'),
});
export const newKeyBody = z.strictObject({
  name: textField(200).optional().describe('What the key is for, for whoever lists the keys.'),
  role: z
    .enum(KEY_ROLES)
    .optional()
    .describe(
      'chat: send messages, and read those sent with this key. read: read everything. admin, unless given: all.',
    ),
  expiresAt: z.iso
    .datetime({ offset: true })
    .refine((time) => Date.parse(time) > Date.now(), 'must be in the future')
    .refine((time) => Date.parse(time) < Date.UTC(9999), 'must be before the year 9999')
    // In UTC: not every offset that is legal here is one to Postgres.
    .transform((time) => new Date(time).toISOString())
    .nullable()
    .optional()
    .describe('From when on the key is refused; null, unless given: never.'),
});
export const newSessionBody = z.strictObject({
  token: textField(500).min(1).describe('An API key, or the operator’s token.'),
});
export const newTenantBody = z.strictObject({ name: tenantName });
const days = (what: string) =>
  z.int().min(1).max(36_500).nullable().optional().describe(`Days that ${what} are kept; null for ever.`);
const retention = z.strictObject({
  memoryDays: days('memories'),
  ledgerDays: days('the ledger’s entries of ended turns'),
});
export const tenantChangesBody = z.strictObject({
  name: tenantName.optional(),
  rateLimits: z.strictObject({ user: rateLimit.optional(), tenant: rateLimit.optional() }).optional(),
  retention: retention.optional(),
});

export const userIdParam = idField;
export const pageQuery = z.object({
  limit: z
    .string()
    // JavaScript takes 1e2, 0x10 and a blank for numbers too.
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(200))
    .default(50),
  cursor: z.string().max(500).optional(),
});

/** A user's id stands in the cursor of a list of them. */
export const usersQuery = pageQuery.extend({ cursor: z.string().max(1_500).optional() });

export const turnsQuery = pageQuery.extend({
  agentId: z.uuid().toLowerCase().optional(),
  state: z.enum(['accepted', 'refused', 'done', 'failed']).optional(),
  degraded: z.literal('true').optional(),
});

/** Hours that are looked back over at most: a week. */
const MAX_HOURS = 168;
export const overviewQuery = z.object({
  agentId: z.uuid().toLowerCase().optional(),
  hours: z
    .string()
    .regex(/^\d{1,3}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_HOURS))
    .default(24),
});

export const exportQuery = z.strictObject({
  embeddings: z.enum(['true', 'false']).default('true'),
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
