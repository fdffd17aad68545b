/** What the API answers to whoever looks into an installation: the console, first of all. */
import { z } from 'zod';
import { KEY_ROLES } from '../domain/key-roles.ts';
import { MISSABLE, TIMED_STEPS } from '../domain/turn-figures.ts';
import { answer, recalled, receipt } from './answers.ts';
import * as example from './answer-examples.ts';
import { count, nextCursor, time, uuid } from './answer-parts.ts';

const workflowsUrl = z
  .string()
  .nullable()
  .describe(
    'Temporal’s Web UI shows a workflow at this URL with its id, URL-encoded, behind it; null: unknown',
  );
export const SESSION = answer(
  'Session',
  z.union([
    z.object({ kind: z.literal('none') }),
    z.object({
      kind: z.literal('key'),
      tenantId: uuid,
      tenantName: z.string(),
      role: z.enum(KEY_ROLES),
      keyId: uuid,
      keyName: z.string(),
      canSearch: z.boolean().describe('Whether memories can be searched here'),
      workflowsUrl,
    }),
    z.object({ kind: z.literal('operator'), workflowsUrl }),
  ]),
  example.SESSION,
);

export const USERS = answer(
  'Users',
  z.object({
    users: z.array(
      z.object({
        userId: z.string(),
        activeAt: time
          .nullable()
          .describe('When they last wrote; null: they have not, and what is remembered was imported'),
      }),
    ),
    nextCursor,
  }),
  { users: [{ userId: 'ada', activeAt: '2026-05-04T09:30:00.000Z' }], nextCursor: null },
);

const missing = z.array(z.enum(MISSABLE)).describe('What the reply had to do without');
export const TURNS = answer(
  'Turns',
  z.object({
    turns: z.array(
      z.object({
        messageId: uuid,
        workflowId: z.string(),
        agentId: uuid,
        userId: z.string(),
        channel: z.string(),
        state: z.enum(['accepted', 'refused', 'done', 'failed']),
        acceptedAt: time,
        endedAt: time.nullable().describe('When it was stored, or had failed'),
        missing,
        recalled: count.nullable().describe('Messages; null where nobody knows, or recall was not asked'),
      }),
    ),
    nextCursor,
  }),
  { turns: [example.TURN], nextCursor: null },
);

const ms = z.number().min(0);
export const OVERVIEW = answer(
  'Overview',
  z.object({
    from: time,
    to: time,
    isPart: z.boolean().describe('There were more turns than are counted: the oldest are left out'),
    hours: z
      .array(
        z.object({
          at: time.describe('Its begin'),
          turns: count.describe('All but those that were erased'),
          answered: count.describe('Answered and stored'),
          underWay: count.describe('Neither stored nor failed yet'),
          refused: count.describe('Not begun: their senders were told to send them again'),
          failed: count,
          degraded: count.describe('Of those that were answered: without something'),
          recallHits: count.describe('Turns for which something was recalled'),
          recallEmpty: count.describe('Turns for which nothing fitted'),
          up: count,
          down: count,
        }),
      )
      .describe('One each hour, oldest first'),
    latency: z
      .array(z.object({ step: z.enum(TIMED_STEPS), turns: count, p50Ms: ms, p95Ms: ms }))
      .describe('Of the newest 10,000 turns that were answered'),
    backfill: z
      .object({
        waiting: count,
        oldestAt: time.nullable().describe('Since when the oldest of them waits'),
        isPart: z.boolean().describe('More wait than are counted'),
      })
      .nullable()
      .describe('Turns that are answered and not stored yet; null while Temporal is away'),
  }),
  example.OVERVIEW,
);

export const FOUND_MEMORIES = answer(
  'FoundMemories',
  z.object({
    memories: z.array(recalled).describe('Best first'),
    hasMore: z.boolean().describe('Whether more fits, or the oldest were not compared'),
  }),
  { memories: example.DONE.memory.recalled, hasMore: false },
);

const promptMessage = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
export const PREVIEW = answer(
  'Preview',
  z.object({
    channel: z
      .string()
      .describe('The user’s. In a thread with others a message also quotes what they have said there'),
    userName: z
      .string()
      .nullable()
      .describe(
        'What the user is called in the prompt; null: over HTTP nobody has a name, or it isn’t known',
      ),
    prompt: z.array(promptMessage).describe('As the model would be sent it, outside of any such thread'),
    estimatedTokens: count,
    windowSize: count,
    droppedFromWindow: count.describe('Oldest messages of the window that have no room'),
    recalled: z.array(recalled),
    receipt: receipt.nullable().describe('null: recall was not asked, or failed'),
    missing,
  }),
  example.PREVIEW,
);

const story = {
  workflowId: z.string(),
  type: z.string(),
  state: z.enum(['completed', 'failed', 'open', 'closed']).describe('closed: from outside'),
  startedAt: time,
  durationMs: ms,
  failure: z.string().optional().describe('Each cause after the one that it caused'),
  isPart: z.boolean().describe('There are more steps than are told'),
  steps: z.array(
    z.object({
      name: z.string(),
      summary: z.string(),
      state: z.enum(['done', 'failed', 'open', 'noted']),
      atMs: ms.describe('Since the begin'),
      durationMs: ms.optional().describe('Retries included'),
      attempts: count,
      failure: z.string().optional().describe('Of the last attempt that failed'),
    }),
  ),
};
export const STORY = answer(
  'Story',
  z.object({
    ...story,
    prompt: z.array(promptMessage).nullable().describe('null: it did not come to that'),
    reply: z.string().nullable(),
    stored: z.object(story).nullable().describe('How the turn was stored; null where that has not begun'),
  }),
  example.STORY,
);
