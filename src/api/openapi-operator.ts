import { AUDIT, described, json, OPERATOR_PROBLEMS, PAGE_OF_AUDIT, path } from './openapi-parts.ts';
import { newKeyBody, newTenantBody, tenantChangesBody } from './schemas.ts';

const operator = [{ operatorToken: [] }];

/** What the operator may: tenants, their keys, and who did what. */
export const operatorPaths = () => ({ ...auditPaths(), ...tenantPaths(), ...keyPaths() });

function tenantPaths() {
  return {
    '/v1/tenants': {
      post: {
        summary: 'Make a tenant',
        security: operator,
        requestBody: { required: true, ...json(newTenantBody) },
        responses: {
          ...OPERATOR_PROBLEMS,
          201: described('The tenant and its first API key, shown this once'),
        },
      },
    },
    '/v1/tenants/{tenantId}': {
      parameters: [path('tenantId')],
      get: {
        summary: 'One tenant, with its rate limits and how long it keeps what',
        security: operator,
        responses: { ...OPERATOR_PROBLEMS, 200: described('The tenant') },
      },
      patch: {
        summary: 'Change a tenant',
        security: operator,
        requestBody: { required: true, ...json(tenantChangesBody) },
        responses: {
          ...OPERATOR_PROBLEMS,
          200: described('The tenant, changed; its limits hold within 5 s'),
        },
      },
      delete: {
        summary: 'Remove a tenant from every store; its keys end at once',
        security: operator,
        responses: {
          ...OPERATOR_PROBLEMS,
          200: described('The receipt: all is gone'),
          202: described('The removal is under way; its receipt will be at Location'),
        },
      },
    },
    '/v1/tenants/{tenantId}/removal': {
      parameters: [path('tenantId')],
      get: {
        summary: 'How far the removal of a tenant has come, and what is gone',
        security: operator,
        responses: { ...OPERATOR_PROBLEMS, 200: described('The receipt; finishedAt is null until the end') },
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
        responses: { ...OPERATOR_PROBLEMS, 200: described('The keys, without their secrets') },
      },
      post: {
        summary: 'Issue a further API key',
        security: operator,
        parameters: [path('tenantId')],
        requestBody: { required: false, ...json(newKeyBody) },
        responses: {
          ...OPERATOR_PROBLEMS,
          201: described('The key, shown this once'),
          409: described('The tenant has as many keys as it may'),
        },
      },
    },
    '/v1/tenants/{tenantId}/api-keys/{keyId}/rotate': {
      post: {
        summary: 'Replace an API key',
        security: operator,
        parameters: [path('tenantId'), path('keyId')],
        responses: { ...OPERATOR_PROBLEMS, 201: described('The new key; the old one is revoked') },
      },
    },
    '/v1/tenants/{tenantId}/api-keys/{keyId}': {
      delete: {
        summary: 'Revoke an API key',
        security: operator,
        parameters: [path('tenantId'), path('keyId')],
        responses: { ...OPERATOR_PROBLEMS, 204: described('Revoked') },
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
        responses: { ...OPERATOR_PROBLEMS, ...AUDIT },
      },
    },
    '/v1/tenants/{tenantId}/audit': {
      parameters: [path('tenantId')],
      get: {
        summary: 'Who did what to one tenant, newest first, also when the tenant is gone',
        security: operator,
        parameters: PAGE_OF_AUDIT,
        responses: { ...OPERATOR_PROBLEMS, ...AUDIT },
      },
    },
  };
}
