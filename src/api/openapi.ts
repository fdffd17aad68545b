import { z } from 'zod';
import { messageBody } from '../channels/http/index.ts';
import { agentChangesBody, newAgentBody, newTenantBody, tenantChangesBody } from './schemas.ts';

const json = (schema: z.ZodType) => ({
  content: { 'application/json': { schema: z.toJSONSchema(schema, { io: 'input' }) } },
});
const described = (description: string) => ({ description });
const path = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string' } });
const header = (name: string, description: string) => ({
  name,
  in: 'header',
  description,
  schema: { type: 'string' },
});

const PROBLEMS = {
  400: described('Invalid request; `errors[0].field` names the field'),
  401: described('No, wrong or revoked key'),
  404: described('Not there, or not yours'),
  503: described('A service is away; repeat the request after Retry-After seconds'),
};

/** The API's description, made from the schemas that validate its requests. */
export function openApiDocument(): object {
  return {
    openapi: '3.1.0',
    info: { title: 'Konstruct', version: '0.1.0', description: 'AI employees that remember.' },
    components: {
      securitySchemes: {
        tenantApiKey: { type: 'http', scheme: 'bearer', description: 'An API key of the tenant' },
        operatorToken: { type: 'http', scheme: 'bearer', description: 'KONSTRUCT_OPERATOR_TOKEN' },
      },
    },
    paths: { ...tenantPaths(), ...operatorPaths(), ...ownPaths },
  };
}

function tenantPaths() {
  const tenant = [{ tenantApiKey: [] }];
  return {
    '/v1/agents/{agentId}/messages': {
      post: {
        summary: 'Send a message to an agent',
        security: tenant,
        parameters: [
          path('agentId'),
          header('Idempotency-Key', 'The same key and body again is the same message'),
          header('Prefer', 'wait=60 waits up to 60 seconds for the reply'),
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
        security: tenant,
        parameters: [path('messageId')],
        responses: { ...PROBLEMS, 200: described('Its state, and once done the reply') },
      },
    },
    '/v1/messages/{messageId}/retry': {
      post: {
        summary: 'Answer a failed message once more',
        security: tenant,
        parameters: [path('messageId'), header('Prefer', 'wait=60 waits up to 60 seconds for the reply')],
        responses: {
          ...PROBLEMS,
          200: described('The reply'),
          202: described('Started again'),
          409: described('It has not failed, or is no longer kept'),
        },
      },
    },
    '/v1/agents/{agentId}/users/{userId}/memory': {
      get: {
        summary: 'What an agent remembers of a user',
        security: tenant,
        parameters: [path('agentId'), path('userId')],
        responses: { ...PROBLEMS, 200: described('The window, and a page of memories') },
      },
    },
    '/v1/agents': {
      get: {
        summary: 'List agents',
        security: tenant,
        responses: { ...PROBLEMS, 200: described('All agents') },
      },
      post: {
        summary: 'Make an agent',
        security: tenant,
        requestBody: { required: true, ...json(newAgentBody) },
        responses: { ...PROBLEMS, 201: described('The agent') },
      },
    },
    '/v1/agents/{agentId}': {
      parameters: [path('agentId')],
      get: {
        summary: 'One agent',
        security: tenant,
        responses: { ...PROBLEMS, 200: described('The agent') },
      },
      patch: {
        summary: 'Change an agent',
        security: tenant,
        requestBody: { required: true, ...json(agentChangesBody) },
        responses: { ...PROBLEMS, 200: described('The agent, changed') },
      },
    },
  };
}

function operatorPaths() {
  const operator = [{ operatorToken: [] }];
  return {
    '/v1/tenants': {
      post: {
        summary: 'Make a tenant',
        security: operator,
        requestBody: { required: true, ...json(newTenantBody) },
        responses: { ...PROBLEMS, 201: described('The tenant and its first API key, shown this once') },
      },
    },
    '/v1/tenants/{tenantId}': {
      parameters: [path('tenantId')],
      get: {
        summary: 'One tenant, with its rate limits',
        security: operator,
        responses: { ...PROBLEMS, 200: described('The tenant') },
      },
      patch: {
        summary: 'Change a tenant',
        security: operator,
        requestBody: { required: true, ...json(tenantChangesBody) },
        responses: { ...PROBLEMS, 200: described('The tenant, changed; its limits hold within 5 s') },
      },
    },
    '/v1/tenants/{tenantId}/api-keys': {
      post: {
        summary: 'Issue a further API key',
        security: operator,
        parameters: [path('tenantId')],
        responses: { ...PROBLEMS, 201: described('The key, shown this once') },
      },
    },
    '/v1/tenants/{tenantId}/api-keys/{keyId}/rotate': {
      post: {
        summary: 'Replace an API key',
        security: operator,
        parameters: [path('tenantId'), path('keyId')],
        responses: { ...PROBLEMS, 201: described('The new key; the old one is revoked') },
      },
    },
    '/v1/tenants/{tenantId}/api-keys/{keyId}': {
      delete: {
        summary: 'Revoke an API key',
        security: operator,
        parameters: [path('tenantId'), path('keyId')],
        responses: { ...PROBLEMS, 204: described('Revoked') },
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
