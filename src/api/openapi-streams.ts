/** The doors beside the API's own: events, what OpenAI's clients ask, and MCP. */
import { z } from 'zod';
import { completionBody } from './openai/request.ts';
import { described, header, json, keysFor, path, PROBLEMS } from './openapi-parts.ts';

export const streamPaths = () => ({ ...eventPaths(), ...completionPaths(), ...mcpPaths() });

const answer = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema: z.toJSONSchema(schema, { io: 'output' }) } },
});

/** A stream of events, as a response. */
export const EVENTS = {
  description:
    'Events: `accepted`, `delta` with a `text` to add, `reset` where the text begins anew, and in the end `done` ' +
    'or `failed` with what GET /v1/messages/{messageId} gives',
  content: {
    'text/event-stream': {
      schema: { type: 'string' },
      example:
        'id: 0-47DEQpj8HBSa-_TI\nevent: accepted\ndata: {"messageId":"…","workflowId":"…"}\n\n' +
        'id: 5-GF-NszuNKuSXqaZO\nevent: delta\ndata: {"text":"Hello"}\n\n' +
        'id: end\nevent: done\ndata: {"messageId":"…","state":"done","reply":{"text":"Hello"}}\n\n',
    },
  },
};
const TOO_MANY = described('Too many requests wait for replies, or too many reads; see Retry-After');

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
          ...PROBLEMS,
          200: EVENTS,
          204: described('The last event seen was the last there is'),
          429: TOO_MANY,
        },
      },
    },
  };
}

const usage = z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() });
const completion = z.object({
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
});
const models = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      id: z.string(),
      object: z.literal('model'),
      created: z.int(),
      owned_by: z.string(),
      name: z.string(),
    }),
  ),
});
const openAiError = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

/** Every error of these calls has OpenAI's shape. */
const openAiErrors = (statuses: Record<number, string>) =>
  Object.fromEntries(
    Object.entries(statuses).map(([status, description]) => [status, answer(description, openAiError)]),
  );
const COMMON_ERRORS = {
  400: 'Invalid request; `error.param` names the field',
  401: 'No, wrong, revoked or expired key',
  403: 'The key has not the role that the call needs',
  429: 'Too many; try again after Retry-After seconds',
  503: 'A service is away; repeat the request after Retry-After seconds',
};

function completionPaths() {
  const { content } = answer('', completion);
  return {
    '/v1/chat/completions': {
      post: {
        summary: 'Send a message to an agent, as OpenAI’s clients do',
        security: keysFor('message.complete'),
        parameters: [header('Idempotency-Key', 'The same key and message again is the same message')],
        requestBody: { required: true, ...json(completionBody) },
        responses: {
          ...openAiErrors({
            ...COMMON_ERRORS,
            404: 'No agent of this id or name',
            410: 'The message has been forgotten meanwhile',
            413: 'The text is too long',
            422: 'The Idempotency-Key was used for another message',
            502: 'The model failed for good; the turn is marked failed',
            504: 'No reply within nine minutes; GET /v1/messages/{messageId} will have it',
          }),
          200: {
            description: 'The reply; with `stream` in chunks, the last of which is [DONE]',
            content: { ...content, 'text/event-stream': { schema: { type: 'string' } } },
          },
        },
      },
    },
    '/v1/models': {
      get: {
        summary: 'The agents, as OpenAI’s clients list models',
        security: keysFor('agent.list-models'),
        responses: { ...openAiErrors(COMMON_ERRORS), 200: answer('The agents, oldest first', models) },
      },
    },
  };
}

const rpc = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.int()]).optional(),
  method: z.string(),
  params: z.looseObject({}).optional(),
});

function mcpPaths() {
  const rpcAnswer = z.looseObject({ jsonrpc: z.literal('2.0') });
  return {
    '/mcp': {
      post: {
        summary:
          'A Model Context Protocol server (Streamable HTTP, without sessions); each tool has its role',
        security: [{ tenantApiKey: [] }],
        parameters: [header('Accept', 'application/json, text/event-stream')],
        requestBody: { required: true, ...json(rpc) },
        responses: {
          200: answer('The answer', rpcAnswer),
          202: described('A notification was taken'),
          400: described('No message of the protocol, or a batch'),
          401: described('No, wrong, revoked or expired key'),
          406: answer('Accept lacks one of the two', rpcAnswer),
          413: described('The message is too long'),
          415: answer('Not application/json', rpcAnswer),
          503: described('A service is away; repeat the request after Retry-After seconds'),
        },
      },
    },
  };
}
