import { messageBody } from '../channels/http/index.ts';
import {
  AUDIT,
  described,
  header,
  json,
  keysFor,
  PAGE_OF_AUDIT,
  pageOf,
  path,
  PROBLEMS,
} from './openapi-parts.ts';
import { operatorPaths } from './openapi-operator.ts';
import { slackPaths } from './openapi-slack.ts';
import { threadPaths } from './openapi-threads.ts';
import { transferPaths } from './openapi-transfer.ts';
import { agentChangesBody, newAgentBody } from './schemas.ts';

const WAIT_FOR_RECEIPT = 'wait waits up to two minutes for the receipt, if not too many wait already';
const ERASURE = {
  ...PROBLEMS,
  200: described('The receipt: what is gone, at least, and what remains until when'),
  202: described('Accepted; look the receipt up at Location'),
};

/** The API's description, made from the schemas that validate its requests. */
export function openApiDocument(): object {
  return {
    openapi: '3.1.0',
    info: { title: 'Konstruct', version: '0.1.0', description: 'AI employees that remember.' },
    components: {
      securitySchemes: {
        tenantApiKey: { type: 'http', scheme: 'bearer', description: 'An API key of the tenant, of a role' },
        operatorToken: { type: 'http', scheme: 'bearer', description: 'KONSTRUCT_OPERATOR_TOKEN' },
      },
    },
    paths: { ...tenantPaths(), ...operatorPaths(), ...ownPaths },
  };
}

function tenantPaths() {
  return {
    '/v1/agents/{agentId}/messages': {
      post: {
        summary: 'Send a message to an agent',
        security: keysFor('message.send'),
        parameters: [
          path('agentId'),
          header('Idempotency-Key', 'The same key and body again is the same message'),
          header('Prefer', 'wait=60 waits up to 60 seconds for the reply, if not too many wait already'),
        ],
        requestBody: { required: true, ...json(messageBody) },
        responses: {
          ...PROBLEMS,
          200: described('The reply, with what was recalled for it'),
          202: described('Accepted; look it up at Location'),
          413: described('The text is too long'),
          422: described('The Idempotency-Key was used for another message'),
          429: described('Too many messages; try again after Retry-After seconds'),
          502: described('The model failed for good; the turn is marked failed'),
        },
      },
    },
    '/v1/messages/{messageId}': {
      get: {
        summary: 'How far a message has come',
        security: keysFor('message.read'),
        parameters: [path('messageId')],
        responses: { ...PROBLEMS, 200: described('Its state, and once done the reply') },
      },
    },
    '/v1/messages/{messageId}/retry': {
      post: {
        summary: 'Answer a failed message once more',
        security: keysFor('message.retry'),
        parameters: [path('messageId'), header('Prefer', 'wait=60 waits up to 60 seconds for the reply')],
        responses: {
          ...PROBLEMS,
          200: described('The reply'),
          202: described('Started again'),
          409: described('It has not failed, or is no longer kept'),
          429: described('Too many messages; try again after Retry-After seconds'),
        },
      },
    },
    '/v1/agents/{agentId}/users/{userId}/memory': {
      get: {
        summary: 'What an agent remembers of a user',
        security: keysFor('memory.read'),
        parameters: [path('agentId'), path('userId'), ...pageOf('Memories')],
        responses: {
          ...PROBLEMS,
          200: described(
            'The newest messages of the window, 20 or 1 MB at most, and a page of memories; `nextCursor` is null on the last',
          ),
        },
      },
      delete: {
        summary: 'Forget all that a user and an agent have said',
        security: keysFor('memory.erase'),
        parameters: [path('agentId'), path('userId'), header('Prefer', WAIT_FOR_RECEIPT)],
        responses: ERASURE,
      },
    },
    '/v1/agents/{agentId}/users/{userId}/memory/{exchangeId}': {
      delete: {
        summary: 'Forget one exchange',
        security: keysFor('memory.erase-exchange'),
        parameters: [path('agentId'), path('userId'), path('exchangeId'), header('Prefer', WAIT_FOR_RECEIPT)],
        responses: ERASURE,
      },
    },
    '/v1/erasures/{erasureId}': {
      get: {
        summary: 'The receipt of an erasure',
        security: keysFor('erasure.read'),
        parameters: [path('erasureId')],
        responses: { ...PROBLEMS, 200: described('What is gone, and what remains until when') },
      },
    },
    '/v1/audit': {
      get: {
        summary: 'Who did what to the tenant, newest first',
        security: keysFor('audit.read'),
        parameters: PAGE_OF_AUDIT,
        responses: { ...PROBLEMS, ...AUDIT },
      },
    },
    ...transferPaths(),
    ...slackPaths(),
    ...threadPaths(),
    '/v1/agents': {
      get: {
        summary: 'List agents, oldest first',
        security: keysFor('agent.list'),
        parameters: pageOf('Agents'),
        responses: { ...PROBLEMS, 200: described('A page of agents; `nextCursor` is null on the last') },
      },
      post: {
        summary: 'Make an agent',
        security: keysFor('agent.create'),
        requestBody: { required: true, ...json(newAgentBody) },
        responses: {
          ...PROBLEMS,
          201: described('The agent'),
          409: described('The tenant has as many agents as it may'),
        },
      },
    },
    '/v1/agents/{agentId}': {
      parameters: [path('agentId')],
      get: {
        summary: 'One agent',
        security: keysFor('agent.read'),
        responses: { ...PROBLEMS, 200: described('The agent') },
      },
      patch: {
        summary: 'Change an agent',
        security: keysFor('agent.change'),
        requestBody: { required: true, ...json(agentChangesBody) },
        responses: { ...PROBLEMS, 200: described('The agent, changed') },
      },
    },
  };
}

const ownPaths = {
  '/healthz': { get: { summary: 'This process answers', responses: { 200: described('Yes') } } },
  '/readyz': {
    get: {
      summary: 'Which services are there',
      responses: { 200: described('All'), 503: described('`missing` names those that are not') },
    },
  },
};
