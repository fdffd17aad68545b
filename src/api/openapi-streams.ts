/** The doors beside the API's own: events, what OpenAI's clients ask, and MCP. */
import { z } from 'zod';
import { idField } from '../intake/fields.ts';
import { answer } from './answers.ts';
import { completionBody } from './openai/request.ts';
import {
  described,
  header,
  json,
  jsonSchema,
  keyProblems,
  keysFor,
  LOCATION,
  path,
  responds,
} from './openapi-parts.ts';
import { PROBLEM_RESPONSES } from './problem-answers.ts';

const ID = jsonSchema(idField);

export const streamPaths = () => ({ ...eventPaths(), ...completionPaths(), ...mcpPaths() });

/** A reply as a stream of events. */
const EVENTS = {
  'text/event-stream': {
    schema: {
      type: 'string',
      description:
        'Events: `accepted`, `delta` with a `text` to add, `reset` where the text begins anew, and in the end ' +
        '`done` or `failed` with what GET /v1/messages/{messageId} gives',
    },
    example:
      'id: 0-47DEQpj8HBSa-_TI\nevent: accepted\ndata: {"messageId":"…","workflowId":"…"}\n\n' +
      'id: 5-GF-NszuNKuSXqaZO\nevent: delta\ndata: {"text":"Hello"}\n\n' +
      'id: end\nevent: done\ndata: {"messageId":"…","state":"done","reply":{"text":"Hello"}}\n\n',
  },
};

/** A response that comes as events where these are accepted. */
export const orEvents = <R extends { content: object }>(response: R) => ({
  ...response,
  content: { ...response.content, ...EVENTS },
});
export const NO_MORE_EVENTS = described(
  'The event that was seen last, by Last-Event-ID, was the last there is',
);

function eventPaths() {
  return {
    '/v1/messages/{messageId}/events': {
      get: {
        summary: 'The reply to a message while it grows, as events',
        security: keysFor('message.follow'),
        parameters: [
          path('messageId'),
          header('Last-Event-ID', 'The id of the last event that was seen: the stream goes on behind it'),
        ],
        responses: {
          ...keyProblems('named'),
          200: { description: 'The events', headers: LOCATION, content: EVENTS },
          204: NO_MORE_EVENTS,
        },
      },
    },
  };
}

const usage = z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() });
const EXAMPLE_ID = '7d0b5a1e-9f0a-4c55-8a3e-1d8a52a0b6aa';
const COMPLETION = answer(
  'Completion',
  z.object({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        logprobs: z.null(),
        finish_reason: z.enum(['stop', 'length']),
      }),
    ),
    usage: usage.optional(),
  }),
  {
    id: `chatcmpl-${EXAMPLE_ID}`,
    object: 'chat.completion',
    created: 1_795_910_400,
    model: EXAMPLE_ID,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'You are Ada.', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
  },
);
const model = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
  name: z.string(),
});
const MODELS = answer('Models', z.object({ object: z.literal('list'), data: z.array(model) }), {
  object: 'list',
  data: [{ id: EXAMPLE_ID, object: 'model', created: 1_795_910_400, owned_by: 'konstruct', name: 'Mara' }],
});
const OPENAI_ERROR = answer(
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
      message: 'There is no agent of this id or name: see GET /v1/models.',
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_found',
    },
  },
);

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait', required: true, schema: { type: 'integer', minimum: 0 } },
};
/** Every error of these calls has OpenAI's shape. */
const openAiErrors = (statuses: Record<number, string>) =>
  Object.fromEntries(
    Object.entries(statuses).map(([status, description]) => [
      status,
      responds(description, OPENAI_ERROR, status === '429' || status === '503' ? RETRY_AFTER : {}),
    ]),
  );
const COMMON_ERRORS = {
  401: 'No, wrong, revoked or expired key',
  403: 'The key has not the role that the call needs',
  429: 'Too many; try again after Retry-After seconds',
  500: 'A fault of ours, which is logged',
  503: 'A service is away; repeat the request after Retry-After seconds',
};
const COMPLETION_ERRORS = {
  ...COMMON_ERRORS,
  400: 'Invalid request; `error.param` names the field',
  404: 'No agent of this id or name',
  410: 'The message has been forgotten meanwhile',
  413: 'The text is too long',
  415: 'Not JSON',
  422: 'The Idempotency-Key was used for another message',
  502: 'The model failed for good; the turn is marked failed',
  504: 'No reply within nine minutes; GET /v1/messages/{messageId} will have it',
};

function completionPaths() {
  const whole = responds('The reply; with `stream` in chunks, the last of which is [DONE]', COMPLETION);
  const chunks = { 'text/event-stream': { schema: { type: 'string' }, example: 'data: [DONE]\n\n' } };
  return {
    '/v1/chat/completions': {
      post: {
        summary: 'Send a message to an agent, as OpenAI’s clients do',
        security: keysFor('message.complete'),
        parameters: [header('Idempotency-Key', 'The same key and message again is the same message', ID)],
        requestBody: {
          required: true,
          ...json(completionBody, {
            model: 'Mara',
            user: 'ada',
            messages: [{ role: 'user', content: 'Who am I?' }],
          }),
        },
        responses: {
          ...openAiErrors(COMPLETION_ERRORS),
          200: { ...whole, content: { ...whole.content, ...chunks } },
        },
      },
    },
    '/v1/models': {
      get: {
        summary: 'The agents, as OpenAI’s clients list models',
        security: keysFor('agent.list-models'),
        responses: { ...openAiErrors(COMMON_ERRORS), 200: responds('The agents, oldest first', MODELS) },
      },
    },
  };
}

const rpc = z.looseObject({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.int()]).optional(),
  method: z.string(),
  params: z.looseObject({}).optional(),
});
const RPC = answer('RpcAnswer', z.looseObject({ jsonrpc: z.literal('2.0') }), {
  jsonrpc: '2.0',
  id: 1,
  result: {},
});

function mcpPaths() {
  const { 403: _, ...problems } = keyProblems('body');
  const answered = responds('The answer', RPC);
  return {
    '/mcp': {
      post: {
        summary:
          'A Model Context Protocol server (Streamable HTTP, without sessions); each tool has its role',
        security: [{ tenantApiKey: [] }],
        parameters: [header('Accept', 'Both application/json and text/event-stream')],
        requestBody: { required: true, ...json(rpc, { jsonrpc: '2.0', id: 1, method: 'ping' }) },
        responses: {
          ...problems,
          400: {
            description: 'No message of the protocol, or a batch',
            content: { ...PROBLEM_RESPONSES.Invalid.content, ...answered.content },
          },
          200: answered,
          202: described('A notification was taken'),
          406: responds('Accept lacks one of the two', RPC),
        },
      },
    },
  };
}
