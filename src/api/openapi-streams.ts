/** The doors beside the API's own: events, what OpenAI's clients ask, and MCP. */
import { z } from 'zod';
import { COMPLETION, MODELS, OPENAI_ERROR, RPC_ANSWER } from './answers-to-clients.ts';
import { completionBody } from './openai/request.ts';
import {
  described,
  header,
  json,
  jsonSchema,
  keyProblems,
  keysFor,
  path,
  responds,
} from './openapi-parts.ts';
import { BEARER, PROBLEM_RESPONSES, RETRY_AFTER } from './problem-answers.ts';

export const streamPaths = () => ({ ...eventPaths(), ...completionPaths(), ...mcpPaths() });

/** A stream of events, as the body of a response: the schema and the example are of one event. */
const eventsOf = (description: string, event: z.ZodType, example: object) => ({
  'text/event-stream': { schema: { description, ...jsonSchema(event) }, example },
});
export const EVENTS = eventsOf(
  'One event: `accepted`; `delta` with a `text` to add; `reset` where the text begins anew; in the end `done` ' +
    'or `failed` with what GET /v1/messages/{messageId} gives. The schemas of their data are AcceptedEvent, ' +
    'DeltaEvent and Message; `reset` has none',
  z.object({
    id: z.string(),
    event: z.enum(['accepted', 'delta', 'reset', 'done', 'failed']),
    data: z.string().describe('JSON'),
    retry: z.int().optional(),
  }),
  { id: '5-GF-NszuNKuSXqaZO', event: 'delta', data: '{"text":"Hello"}' },
);
export const LAST_EVENT_ID = header(
  'Last-Event-ID',
  'The id of the last event that was seen: the stream goes on behind it',
);
export const NOTHING_MORE = described('The last event seen was the last there is');

const eventPaths = () => ({
  '/v1/messages/{messageId}/events': {
    get: {
      summary: 'The reply to a message while it grows, as events',
      security: keysFor('message.follow'),
      parameters: [path('messageId'), LAST_EVENT_ID],
      responses: {
        ...keyProblems('named'),
        200: { ...described('The events'), content: EVENTS },
        204: NOTHING_MORE,
      },
    },
  },
});

/** Every error of these calls has OpenAI's shape. */
const openAiErrors = (statuses: Record<number, string>) =>
  Object.fromEntries(
    Object.entries(statuses).map(([status, description]) => [
      status,
      responds(description, OPENAI_ERROR, HEADERS[status] ?? {}),
    ]),
  );
const HEADERS: Readonly<Record<string, Record<string, object>>> = {
  401: BEARER,
  429: RETRY_AFTER,
  503: RETRY_AFTER,
};
const COMMON_ERRORS = {
  401: 'No, wrong, revoked or expired key',
  403: 'The key has not the role that the call needs',
  429: 'Too many; try again after Retry-After seconds',
  500: 'A fault of ours, which is logged',
  503: 'A service is away; repeat the request after Retry-After seconds',
};
const BODY_ERRORS = {
  400: 'Invalid request; `error.param` names the field',
  404: 'No agent of this id or name',
  410: 'The message has been forgotten meanwhile',
  413: 'The text is too long',
  415: 'The body is not JSON',
  422: 'The Idempotency-Key was used for another message',
  502: 'The model failed for good; the turn is marked failed',
  504: 'No reply within nine minutes; GET /v1/messages/{messageId} will have it',
};

const completionPaths = () => ({
  '/v1/chat/completions': {
    post: {
      summary: 'Send a message to an agent, as OpenAI’s clients do',
      security: keysFor('message.complete'),
      parameters: [header('Idempotency-Key', 'The same key and message again is the same message')],
      requestBody: {
        required: true,
        ...json(completionBody, {
          model: 'Mara',
          user: 'ada',
          messages: [{ role: 'user', content: 'My bicycle is blue.' }],
        }),
      },
      responses: {
        ...openAiErrors({ ...COMMON_ERRORS, ...BODY_ERRORS }),
        200: {
          ...described('The reply; with `stream` in chunks, the last of which is [DONE]'),
          content: {
            ...responds('', COMPLETION).content,
            ...eventsOf(
              'One event: a chat.completion.chunk or [DONE]',
              z.object({ data: z.string().describe('JSON') }),
              { data: '{"object":"chat.completion.chunk","choices":[]}' },
            ),
          },
        },
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
});

const rpc = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.int()]).optional(),
  method: z.string(),
  params: z.looseObject({}).optional(),
});

/** What the protocol's own code answers, and what is refused before it. */
function mcpPaths() {
  const { Unauthorized, Invalid, TooLarge, NotJson, TooMany, Internal, Unavailable } = PROBLEM_RESPONSES;
  const rpcContent = responds('', RPC_ANSWER).content;
  const either = (known: { content: object }, description: string) => ({
    description,
    content: { ...known.content, ...rpcContent },
  });
  return {
    '/mcp': {
      post: {
        summary:
          'A Model Context Protocol server (Streamable HTTP, without sessions); each tool has its role',
        security: [{ tenantApiKey: [] }],
        parameters: [header('Accept', 'application/json, text/event-stream')],
        requestBody: { required: true, ...json(rpc, { jsonrpc: '2.0', id: 1, method: 'tools/list' }) },
        responses: {
          200: responds('The answer', RPC_ANSWER),
          202: described('A notification was taken'),
          400: either(Invalid, 'No message of the protocol, or a batch'),
          401: Unauthorized,
          406: responds('Accept lacks one of the two', RPC_ANSWER),
          413: TooLarge,
          415: either(NotJson, 'Not application/json'),
          429: TooMany,
          500: either(Internal, 'A fault of ours'),
          503: Unavailable,
        },
      },
    },
  };
}
