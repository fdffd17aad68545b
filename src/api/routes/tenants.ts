import { Router } from 'express';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { findTenantRemoval } from '../../db/tenant-removals.ts';
import { issueApiKey, listApiKeys, MAX_API_KEYS, revokeApiKey, rotateApiKey } from '../../db/api-keys.ts';
import {
  createTenant,
  findTenant,
  listTenants,
  tenantExists,
  updateTenant,
  type TenantChanges,
} from '../../db/tenants.ts';
import { requestTenantRemoval } from '../../intake/request-tenant-removal.ts';
import { API_KEYS, NEW_KEY, NEW_TENANT, REMOVAL, TENANT, TENANTS } from '../answers-operator.ts';
import { sendJson } from '../answers.ts';
import { pageOf } from '../cursor.ts';
import { notFound, Problem } from '../problems.ts';
import { withoutUndefined } from '../without-undefined.ts';
import { newKeyBody, newTenantBody, pageQuery, tenantChangesBody, validate } from '../schemas.ts';
import { toUuid } from '../uuid.ts';

const OPERATOR = { type: 'operator' } as const;

/**
 * Tenant administration, for the operator: tenants and their removal, and their API keys (issue, list,
 * rotate, revoke). The pool is of the operator's role.
 */
export function tenantRoutes({ pool, temporal }: { pool: pg.Pool; temporal: Client }): Router {
  const router = Router();

  router.post('/', async (req, res) => {
    const { name } = validate(newTenantBody, req.body, 'body');
    const { tenantId, key } = await createTenant(pool, name, '', OPERATOR);
    sendJson(res.status(201), NEW_TENANT, { tenantId, apiKeyId: key.id, apiKey: key.apiKey });
  });

  router.get('/', async (req, res) => {
    const asked = validate(pageQuery, req.query, 'query');
    const { page, nextCursor } = await pageOf(asked, (rows) => listTenants(pool, rows));
    sendJson(res, TENANTS, { tenants: page, nextCursor });
  });

  router.get('/:tenantId', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    const tenant = tenantId && (await findTenant(pool, tenantId));
    if (!tenant) throw notFound('tenant');
    sendJson(res, TENANT, tenant);
  });

  router.patch('/:tenantId', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    const changes: TenantChanges = withoutUndefined(validate(tenantChangesBody, req.body, 'body'));
    const tenant = tenantId && (await updateTenant(pool, tenantId, changes, OPERATOR));
    if (!tenant) throw notFound('tenant');
    sendJson(res, TENANT, tenant);
  });

  router.delete('/:tenantId', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    const removal = tenantId && (await requestTenantRemoval({ pool, temporal }, tenantId, OPERATOR));
    if (!removal) throw notFound('tenant');
    res.status(removal.finishedAt ? 200 : 202).set('Location', `/v1/tenants/${tenantId}/removal`);
    sendJson(res, REMOVAL, removal);
  });

  router.get('/:tenantId/removal', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    const removal = tenantId && (await findTenantRemoval(pool, tenantId));
    if (!removal) throw notFound('removal');
    sendJson(res, REMOVAL, removal);
  });

  router.post('/:tenantId/api-keys', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    const fields = withoutUndefined(validate(newKeyBody, req.body === undefined ? {} : req.body, 'body'));
    if (!tenantId || !(await tenantExists(pool, tenantId))) throw notFound('tenant');
    const key = await issueApiKey(pool, tenantId, fields, OPERATOR);
    if (!key) {
      throw new Problem(
        409,
        'Too many API keys',
        `A tenant may have ${MAX_API_KEYS} keys: rotate one, or revoke those that nobody uses.`,
      );
    }
    sendJson(res.status(201), NEW_KEY, { apiKeyId: key.id, apiKey: key.apiKey });
  });

  router.get('/:tenantId/api-keys', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    if (!tenantId || !(await tenantExists(pool, tenantId))) throw notFound('tenant');
    sendJson(res, API_KEYS, { apiKeys: await listApiKeys(pool, tenantId) });
  });

  router.post('/:tenantId/api-keys/:keyId/rotate', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    const keyId = toUuid(req.params.keyId);
    const key = tenantId && keyId && (await rotateApiKey(pool, tenantId, keyId, OPERATOR));
    if (!key) throw notFound('API key');
    sendJson(res.status(201), NEW_KEY, { apiKeyId: key.id, apiKey: key.apiKey });
  });

  router.delete('/:tenantId/api-keys/:keyId', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    const keyId = toUuid(req.params.keyId);
    if (!tenantId || !keyId || !(await revokeApiKey(pool, tenantId, keyId, OPERATOR))) {
      throw notFound('API key');
    }
    res.status(204).end();
  });

  return router;
}
