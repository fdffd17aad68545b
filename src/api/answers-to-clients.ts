/** Answers in the shapes of others: OpenAI's, and the Model Context Protocol's. */
import { z } from 'zod';
import { AGENT, DONE } from './answer-examples.ts';
import { count } from './answer-parts.ts';
import { answer } from './answers.ts';

export const COMPLETION = answer(
  'ChatCompletion',
  z.object({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: count,
    model: z.string(),
    choices: z.array(
      z.object({
        index: count,
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        logprobs: z.null(),
        finish_reason: z.enum(['stop', 'length']),
      }),
    ),
    usage: z
      .object({ prompt_tokens: count, completion_tokens: count, total_tokens: count })
      .optional()
      .describe('Absent where the model’s server doesn’t count'),
  }),
  {
    id: `chatcmpl-${DONE.messageId}`,
    object: 'chat.completion',
    created: 1_780_000_000,
    model: AGENT.id,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: DONE.reply.text, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 312, completion_tokens: 9, total_tokens: 321 },
  },
);

export const MODELS = answer(
  'Models',
  z.object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        id: z.guid(),
        object: z.literal('model'),
        created: count,
        owned_by: z.literal('konstruct'),
        name: z.string(),
      }),
    ),
  }),
  {
    object: 'list',
    data: [
      { id: AGENT.id, object: 'model', created: 1_780_000_000, owned_by: 'konstruct', name: AGENT.name },
    ],
  },
);

export const OPENAI_ERROR = answer(
  'OpenAiError',
  z.object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  }),
  {
    error: {
      message: 'model is required',
      type: 'invalid_request_error',
      param: 'model',
      code: null,
    },
  },
);

export const RPC_ANSWER = answer('McpAnswer', z.looseObject({ jsonrpc: z.literal('2.0') }), {
  jsonrpc: '2.0',
  id: 1,
  result: { tools: [] },
});
