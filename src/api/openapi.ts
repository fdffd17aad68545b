import { z } from 'zod';
import type { WebhookChannel } from '../channels/channel.ts';
import { messageBody } from '../channels/http/index.ts';
import {
  AGENT,
  AGENTS,
  ANSWERED,
  ERASURE,
  ERASURE_ACCEPTED,
  MEMORY,
  MESSAGE,
  named,
  PENDING,
} from './answers.ts';
import {
  AUDIT,
  header,
  json,
  jsonSchema,
  KEY_REUSED,
  keyProblems,
  keysFor,
  LOCATION,
  NO_REPLY,
  PAGE_OF_AUDIT,
  pageOf,
  path,
  PREFERENCE_APPLIED,
  PROBLEMS,
  responds,
  SECURITY_SCHEMES,
  tidy,
} from './openapi-parts.ts';
import { consolePaths } from './openapi-console.ts';
import { operatorPaths } from './openapi-operator.ts';
import { ownPaths, webhookPaths } from './openapi-own.ts';
import { slackPaths } from './openapi-slack.ts';
import { EVENTS, LAST_EVENT_ID, NOTHING_MORE, streamPaths } from './openapi-streams.ts';
import { transferPaths } from './openapi-transfer.ts';
import { conflict, PROBLEM_RESPONSES } from './problem-answers.ts';
import { agentChangesBody, newAgentBody, userIdParam } from './schemas.ts';

const WAIT_FOR_REPLY = 'wait=60 waits up to 60 seconds for the reply, if not too many wait already';
const WAIT_FOR_RECEIPT = 'wait waits up to two minutes for the receipt, if not too many wait already';
const WAITED = { ...LOCATION, ...PREFERENCE_APPLIED };
const userId = path('userId', jsonSchema(userIdParam));
const ERASURE_RESPONSES = {
  ...PROBLEMS,
  200: responds('The receipt: what is gone, at least, and what remains until when', ERASURE, WAITED),
  202: responds('Accepted; look the receipt up at Location', ERASURE_ACCEPTED, WAITED),
};

/** The API's description, made from the schemas that validate its requests and type its answers. */
export function openApiDocument(
  channels: ReadonlyArray<Pick<WebhookChannel, 'name' | 'paths'>> = [],
): { paths: Record<string, object> } & Record<string, unknown> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Konstruct',
      version: '0.1.0',
      description:
        'AI employees that remember. Answers are described as this version gives them: a later one may add fields.',
    },
    components: {
      schemas: componentSchemas(),
      responses: PROBLEM_RESPONSES,
      securitySchemes: SECURITY_SCHEMES,
    },
    paths: {
      ...messagePaths(),
      ...memoryPaths(),
      ...agentPaths(),
      ...transferPaths(),
      ...slackPaths(),
      ...operatorPaths(),
      ...streamPaths(),
      ...consolePaths(),
      ...ownPaths(),
      ...webhookPaths(channels),
    },
  };
}

/** Whoever accepts `text/event-stream` gets events. */
const orEvents = (response: ReturnType<typeof responds>) => ({
  ...response,
  content: { ...response.content, ...EVENTS },
});

/** Every schema that has a name. */
function componentSchemas(): Record<string, object> {
  const { schemas } = z.toJSONSchema(named, {
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ jsonSchema: made }) => tidy(made),
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
  );
}

function messagePaths() {
  const prefer = header('Prefer', WAIT_FOR_REPLY);
  return {
    '/v1/agents/{agentId}/messages': {
      post: {
        summary: 'Send a message to an agent',
        security: keysFor('message.send'),
        parameters: [
          path('agentId'),
          header(
            'Idempotency-Key',
            'The same key and body again is the same message',
            jsonSchema(userIdParam),
          ),
          prefer,
        ],
        requestBody: { required: true, ...json(messageBody, { userId: 'ada', text: 'My bicycle is blue.' }) },
        responses: {
          ...PROBLEMS,
          200: orEvents(responds('The reply, with what was recalled for it', ANSWERED, WAITED)),
          202: responds('Accepted; look it up at Location', PENDING, WAITED),
          ...KEY_REUSED,
          ...NO_REPLY,
        },
      },
    },
    '/v1/messages/{messageId}': {
      get: {
        summary: 'How far a message has come',
        security: keysFor('message.read'),
        parameters: [path('messageId'), prefer, LAST_EVENT_ID],
        responses: {
          ...keyProblems('named'),
          200: orEvents(responds('Its state, and once done the reply', MESSAGE, WAITED)),
          204: NOTHING_MORE,
        },
      },
    },
    '/v1/messages/{messageId}/retry': {
      post: {
        summary: 'Answer a failed message once more',
        security: keysFor('message.retry'),
        parameters: [path('messageId'), prefer],
        responses: {
          ...PROBLEMS,
          200: responds('The reply', ANSWERED, WAITED),
          202: responds('Started again', PENDING, WAITED),
          409: conflict(
            'It has not failed, its turn is still ending, or it is no longer kept',
            'Not failed',
            'Only a message whose reply has failed can be retried.',
          ),
          ...NO_REPLY,
        },
      },
    },
  };
}

function memoryPaths() {
  const prefer = header('Prefer', WAIT_FOR_RECEIPT);
  return {
    '/v1/agents/{agentId}/users/{userId}/memory': {
      get: {
        summary: 'What an agent remembers of a user',
        security: keysFor('memory.read'),
        parameters: [path('agentId'), userId, ...pageOf('Memories')],
        responses: {
          ...keyProblems('input', 'named'),
          200: responds(
            'The newest messages of the window, 20 or 1 MB at most, and a page of memories; `nextCursor` is null on the last',
            MEMORY,
          ),
        },
      },
      delete: {
        summary: 'Forget all that a user and an agent have said',
        security: keysFor('memory.erase'),
        parameters: [path('agentId'), userId, prefer],
        responses: ERASURE_RESPONSES,
      },
    },
    '/v1/agents/{agentId}/users/{userId}/memory/{exchangeId}': {
      delete: {
        summary: 'Forget one exchange',
        security: keysFor('memory.erase-exchange'),
        parameters: [path('agentId'), userId, path('exchangeId'), prefer],
        responses: ERASURE_RESPONSES,
      },
    },
    '/v1/erasures/{erasureId}': {
      get: {
        summary: 'The receipt of an erasure',
        security: keysFor('erasure.read'),
        parameters: [path('erasureId')],
        responses: {
          ...keyProblems('named'),
          200: responds('What is gone, and what remains until when', ERASURE),
        },
      },
    },
  };
}

function agentPaths() {
  return {
    '/v1/audit': {
      get: {
        summary: 'Who did what to the tenant, newest first',
        security: keysFor('audit.read'),
        parameters: PAGE_OF_AUDIT,
        responses: { ...keyProblems('input'), ...AUDIT },
      },
    },
    '/v1/agents': {
      get: {
        summary: 'List agents, oldest first',
        security: keysFor('agent.list'),
        parameters: pageOf('Agents'),
        responses: {
          ...keyProblems('input'),
          200: responds('A page of agents; `nextCursor` is null on the last', AGENTS),
        },
      },
      post: {
        summary: 'Make an agent',
        security: keysFor('agent.create'),
        requestBody: {
          required: true,
          ...json(newAgentBody, { name: 'Mara', jobTitle: 'Support engineer', recall: { topK: 3 } }),
        },
        responses: {
          ...keyProblems('body'),
          201: responds('The agent', AGENT, LOCATION),
          409: conflict(
            'The tenant has as many agents as it may',
            'Too many agents',
            'A tenant may have 100 agents: change one of them, or let the operator raise KONSTRUCT_AGENTS_PER_TENANT.',
          ),
        },
      },
    },
    '/v1/agents/{agentId}': {
      parameters: [path('agentId')],
      get: {
        summary: 'One agent',
        security: keysFor('agent.read'),
        responses: { ...keyProblems('named'), 200: responds('The agent', AGENT) },
      },
      patch: {
        summary: 'Change an agent',
        security: keysFor('agent.change'),
        requestBody: { required: true, ...json(agentChangesBody, { persona: 'Warm and brief.' }) },
        responses: { ...PROBLEMS, 200: responds('The agent, changed', AGENT) },
      },
    },
  };
}
