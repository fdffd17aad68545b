import { API_KEYS, NEW_KEY, NEW_TENANT, REINDEX, REMOVAL, TENANT, TENANTS } from './answers-operator.ts';
import {
  AUDIT,
  described,
  json,
  LOCATION,
  operatorProblems,
  PAGE_OF_AUDIT,
  pageOf,
  path,
  responds,
} from './openapi-parts.ts';
import { conflict } from './problem-answers.ts';
import { newKeyBody, newTenantBody, tenantChangesBody } from './schemas.ts';

const operator = [{ operatorToken: [] }];

/** What the operator may: tenants, their keys, and who did what. */
export const operatorPaths = () => ({
  ...auditPaths(),
  ...tenantPaths(),
  ...reindexPaths(),
  ...keyPaths(),
});

function tenantPaths() {
  return {
    '/v1/tenants': {
      get: {
        summary: 'List tenants, newest first',
        security: operator,
        parameters: pageOf('Tenants'),
        responses: {
          ...operatorProblems('input'),
          200: responds('A page of tenants; `nextCursor` is null on the last', TENANTS),
        },
      },
      post: {
        summary: 'Make a tenant',
        security: operator,
        requestBody: { required: true, ...json(newTenantBody, { name: 'The bicycle shop' }) },
        responses: {
          ...operatorProblems('body'),
          201: responds('The tenant and its first API key, shown this once', NEW_TENANT),
        },
      },
    },
    '/v1/tenants/{tenantId}': {
      parameters: [path('tenantId')],
      get: {
        summary: 'One tenant, with its rate limits and how long it keeps what',
        security: operator,
        responses: { ...operatorProblems('named'), 200: responds('The tenant', TENANT) },
      },
      patch: {
        summary: 'Change a tenant',
        security: operator,
        requestBody: { required: true, ...json(tenantChangesBody, { retention: { ledgerDays: 365 } }) },
        responses: {
          ...operatorProblems('body', 'named'),
          200: responds('The tenant, changed; its limits hold within 5 s', TENANT),
        },
      },
      delete: {
        summary: 'Remove a tenant from every store; its keys end at once',
        security: operator,
        responses: {
          ...operatorProblems('body', 'named'),
          200: responds('The receipt: all is gone', REMOVAL, LOCATION),
          202: responds('The removal is under way; its receipt will be at Location', REMOVAL, LOCATION),
        },
      },
    },
    '/v1/tenants/{tenantId}/removal': {
      parameters: [path('tenantId')],
      get: {
        summary: 'How far the removal of a tenant has come, and what is gone',
        security: operator,
        responses: {
          ...operatorProblems('named'),
          200: responds('The receipt; finishedAt is null until the end', REMOVAL),
        },
      },
    },
  };
}

function reindexPaths() {
  return {
    '/v1/tenants/{tenantId}/reindex': {
      parameters: [path('tenantId')],
      post: {
        summary: 'Derive anew what older code has derived of the memories of a tenant',
        security: operator,
        responses: {
          ...operatorProblems('body', 'named'),
          202: responds('It is under way; Location says how far', REINDEX, LOCATION),
        },
      },
      get: {
        summary: 'How far the last reindex of a tenant has come',
        security: operator,
        responses: {
          ...operatorProblems('named'),
          200: responds('The reindex; finishedAt is null until the end', REINDEX),
        },
      },
    },
  };
}

function keyPaths() {
  return {
    '/v1/tenants/{tenantId}/api-keys': {
      parameters: [path('tenantId')],
      get: {
        summary: 'List API keys: name, role, when made, last used, revoked, and when they end',
        security: operator,
        responses: {
          ...operatorProblems('named'),
          200: responds('The keys, without their secrets', API_KEYS),
        },
      },
      post: {
        summary: 'Issue a further API key',
        security: operator,
        requestBody: { required: false, ...json(newKeyBody, { name: 'the shop’s backend', role: 'chat' }) },
        responses: {
          ...operatorProblems('body', 'named'),
          201: responds('The key, shown this once', NEW_KEY),
          409: conflict(
            'The tenant has as many keys as it may',
            'Too many API keys',
            'A tenant may have 100 keys: rotate one, or revoke those that nobody uses.',
          ),
        },
      },
    },
    '/v1/tenants/{tenantId}/api-keys/{keyId}/rotate': {
      post: {
        summary: 'Replace an API key',
        security: operator,
        parameters: [path('tenantId'), path('keyId')],
        responses: {
          ...operatorProblems('body', 'named'),
          201: responds('The new key; the old one is revoked', NEW_KEY),
        },
      },
    },
    '/v1/tenants/{tenantId}/api-keys/{keyId}': {
      delete: {
        summary: 'Revoke an API key',
        security: operator,
        parameters: [path('tenantId'), path('keyId')],
        responses: { ...operatorProblems('body', 'named'), 204: described('Revoked') },
      },
    },
  };
}

function auditPaths() {
  return {
    '/v1/tenants/audit': {
      get: {
        summary: 'Who did what, to all tenants, newest first',
        security: operator,
        parameters: PAGE_OF_AUDIT,
        responses: { ...operatorProblems('input'), ...AUDIT },
      },
    },
    '/v1/tenants/{tenantId}/audit': {
      parameters: [path('tenantId')],
      get: {
        summary: 'Who did what to one tenant, newest first, also when the tenant is gone',
        security: operator,
        parameters: PAGE_OF_AUDIT,
        responses: { ...operatorProblems('input', 'named'), ...AUDIT },
      },
    },
  };
}
