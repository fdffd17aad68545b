/** The API's own answers. The same schemas type what handlers send and make /openapi.json. */
import type { Response } from 'express';
import { z } from 'zod';
import { MISSABLE } from '../domain/turn-figures.ts';
import * as example from './answer-examples.ts';
import { count, counts, nextCursor, time, uuid } from './answer-parts.ts';

/** A schema by its name in the description, and an answer of its shape. */
export type Answer<S extends z.ZodType = z.ZodType> = { id: string; schema: S; example: z.input<S> };

/** Every schema that has a name, where the description finds them. */
export const named = z.registry<{ id: string }>();

/** Gives a schema its name. */
export function answer<S extends z.ZodType>(id: string, schema: S, exampleOfIt: z.input<S>): Answer<S> {
  named.add(schema, { id });
  return { id, schema, example: exampleOfIt };
}

/** Sends a body that is as the description says. */
export function sendJson<S extends z.ZodType>(res: Response, _as: Answer<S>, body: z.input<S>): void {
  res.json(body);
}

const role = z.enum(['user', 'assistant']);
const share = z.number().min(0).max(1);

const llmBound = z.int().min(1).optional();
const agent = z.object({
  id: uuid,
  tenantId: uuid,
  name: z.string(),
  jobTitle: z.string(),
  persona: z.string(),
  systemPrompt: z.string(),
  model: z.string().nullable().describe('null: the deployment’s'),
  maxPromptTokens: z.int().min(1).nullable().describe('null: the deployment’s'),
  recall: z.object({
    topK: count,
    threshold: share,
    cosineWeight: share,
    maxWords: count,
    fillWords: count,
  }),
  liveReplies: z.boolean(),
  escalation: z
    .object({ people: z.array(z.string()) })
    .optional()
    .describe('Who takes over'),
  llm: z
    .object({ silenceMs: llmBound, withinMs: llmBound, contextTokens: llmBound, maxOutputTokens: llmBound })
    .optional()
    .describe('Bounds of the model; what is left out the deployment sets'),
});
export const AGENT = answer('Agent', agent, example.AGENT);
export const AGENTS = answer('Agents', z.object({ agents: z.array(agent), nextCursor }), {
  agents: [example.AGENT],
  nextCursor: null,
});

export const recalled = z.object({
  content: z.string(),
  role,
  score: z.number().describe('What it was ranked by: its share of what all that is remembered fits, 0 to 1'),
  cosine: z.number().describe('Similarity of meaning'),
  lexical: z.number().describe('Share of the question’s words, the rarer the heavier'),
  createdAt: time,
  exchangeId: uuid,
  rank: z.int().min(1).optional().describe('The place of its exchange; absent in what stood beside one'),
  beside: z.int().min(1).optional().describe('The rank of the exchange beside which it stood'),
});
export const receipt = z.object({
  match: z.number().describe('How well the best exchange fitted'),
  threshold: z.number(),
  nearestMiss: z
    .object({
      exchangeId: uuid,
      createdAt: time,
      cosine: z.number(),
      lexical: z.number(),
      score: z.number(),
      why: z.enum(['threshold', 'topK', 'words']),
    })
    .nullable(),
  comparedNewest: count.optional().describe('Only so many of the newest passages were compared'),
});
const used = z.object({
  windowSize: count,
  recalled: z.array(recalled),
  receipt: receipt.optional(),
  droppedFromWindow: count,
  embeddedInPart: z.array(z.enum(['message', 'reply'])).optional(),
});
const ids = { messageId: uuid, workflowId: z.string() };
const reply = z.object({ text: z.string() });
const pending = z.object({ ...ids, state: z.enum(['accepted', 'refused']) });
const reasoning = z.union([z.object({ tokens: count }), z.object({ characters: count })]);
const answered = z.object({
  model: z.string(),
  usage: z
    .object({ promptTokens: count, completionTokens: count })
    .nullable()
    .describe('null: the model’s server doesn’t count'),
  timingsMs: z.record(z.string(), z.number()).describe('How long each step took'),
  finishReason: z.string().optional().describe('As the model’s server said it'),
  reasoning: reasoning.optional().describe('How much the model thought first'),
  droppedFromPrompt: z
    .object({ windowMessages: count, context: z.boolean(), characters: count })
    .optional()
    .describe('What was left out since the model’s server took less than the prompt'),
});
const done = z.object({
  ...ids,
  state: z.literal('done'),
  reply,
  cutOff: z.literal(true).optional().describe('The reply has reached its length limit'),
  memory: used.nullable().describe('What was remembered for it; null once Temporal has forgotten the turn'),
  answer: answered.optional().describe('Who answered; absent once Temporal has forgotten the turn'),
  missing: z.array(z.enum(MISSABLE)).describe('What the reply had to do without'),
});
const erased = z.object({ ...ids, state: z.literal('erased') }).describe('Nothing of it is kept');
const failed = z.object({ ...ids, state: z.literal('failed'), reply });
export const PENDING = answer('PendingMessage', pending, example.PENDING);
export const ANSWERED = answer('AnsweredMessage', z.union([done, erased]), example.DONE);
export const MESSAGE = answer('Message', z.union([pending, done, erased, failed]), example.DONE);

/** The data of events of a reply; those of its end have `MESSAGE`. */
export const EVENT_ACCEPTED = answer('AcceptedEvent', z.object(ids), example.IDS);
export const EVENT_DELTA = answer('DeltaEvent', z.object({ text: z.string().describe('To add') }), {
  text: 'Hello',
});
/** What a `Problem` tells of a message without a reply, beside its own members. */
export const failedMembers = failed.shape;

const said = z.object({ role, content: z.string() });
const memory = z.object({
  id: uuid,
  content: z.string(),
  role,
  exchangeId: uuid.describe('The id of the message that it came with, if it came as one'),
  createdAt: time,
  channel: z
    .string()
    .nullable()
    .describe(
      'Where its message came in; null when the ledger has none: it was imported, or its entry is gone',
    ),
});
export const MEMORY = answer(
  'Memory',
  z.object({
    window: z.array(said).describe('Oldest first'),
    memories: z.array(memory).describe('Newest first'),
    nextCursor,
  }),
  example.MEMORY,
);

export const IMPORT_ACCEPTED = answer(
  'AcceptedImport',
  z.object({
    importId: uuid,
    exchanges: count,
    windowMessages: count,
    isLastPart: z
      .boolean()
      .describe('False where the export goes on after this file: import its next part as well'),
  }),
  example.IMPORT_ACCEPTED,
);
export const IMPORT = answer(
  'Import',
  z.object({
    importId: uuid,
    state: z.enum(['running', 'done', 'failed']),
    agentId: uuid,
    userId: z.string(),
    exchanges: count,
    stored: count,
    finishedAt: time.nullable(),
  }),
  example.IMPORT,
);

export const ERASURE_ACCEPTED = answer('AcceptedErasure', z.object({ erasureId: uuid }), {
  erasureId: example.ERASURE.erasureId,
});
export const ERASURE = answer(
  'Erasure',
  z.object({
    erasureId: uuid,
    requestedAt: time,
    finishedAt: time.nullable().describe('null while it runs'),
    removed: z.object({
      window: count,
      memories: count,
      passages: count,
      executions: count,
      turns: count,
      keys: count,
    }),
    remains: z.array(
      z.object({ where: z.string(), until: z.string().describe('A time, or what has to happen') }),
    ),
  }),
  example.ERASURE,
);

const auditEntry = z.object({
  id: uuid,
  tenantId: uuid,
  createdAt: time,
  actor: z.object({
    type: z.enum(['operator', 'system', 'api-key', 'slack-user']),
    id: z.string().nullable(),
    name: z.string().nullable(),
  }),
  action: z.string(),
  target: z.object({ type: z.string(), id: z.string().nullable() }),
  outcome: z.enum(['done', 'refused', 'failed']),
  counts,
});
export const AUDIT_PAGE = answer(
  'AuditLog',
  z.object({ entries: z.array(auditEntry), nextCursor }),
  example.AUDIT_PAGE,
);

export const HEALTH = answer('Health', z.object({ status: z.literal('ok') }), { status: 'ok' });
export const READINESS = answer(
  'Readiness',
  z.object({
    status: z.enum(['ready', 'not ready']),
    missing: z.array(z.string()),
    checks: z.record(z.string(), z.enum(['ok', 'away'])),
  }),
  example.READY,
);
