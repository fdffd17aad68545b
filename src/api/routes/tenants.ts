import { Router } from 'express';
import type pg from 'pg';
import {
  createTenant,
  findTenant,
  issueApiKey,
  revokeApiKey,
  rotateApiKey,
  tenantExists,
  updateTenant,
  type TenantChanges,
} from '../../db/tenants.ts';
import { notFound } from '../problems.ts';
import { withoutUndefined } from '../without-undefined.ts';
import { newTenantBody, tenantChangesBody, validate } from '../schemas.ts';
import { isUuid } from '../uuid.ts';

/** Tenant administration, for the operator: tenants, and their API keys (issue, rotate, revoke). */
export function tenantRoutes({ pool }: { pool: pg.Pool }): Router {
  const router = Router();

  router.post('/', async (req, res) => {
    const { name } = validate(newTenantBody, req.body, 'body');
    const { tenantId, key } = await createTenant(pool, name);
    res.status(201).json({ tenantId, apiKeyId: key.id, apiKey: key.apiKey });
  });

  router.get('/:tenantId', async (req, res) => {
    const { tenantId } = req.params;
    const tenant = isUuid(tenantId) ? await findTenant(pool, tenantId) : undefined;
    if (!tenant) throw notFound('tenant');
    res.json(tenant);
  });

  router.patch('/:tenantId', async (req, res) => {
    const { tenantId } = req.params;
    const changes: TenantChanges = withoutUndefined(validate(tenantChangesBody, req.body, 'body'));
    const tenant = isUuid(tenantId) ? await updateTenant(pool, tenantId, changes) : undefined;
    if (!tenant) throw notFound('tenant');
    res.json(tenant);
  });

  router.post('/:tenantId/api-keys', async (req, res) => {
    const { tenantId } = req.params;
    if (!isUuid(tenantId) || !(await tenantExists(pool, tenantId))) throw notFound('tenant');
    const key = await issueApiKey(pool, tenantId);
    res.status(201).json({ apiKeyId: key.id, apiKey: key.apiKey });
  });

  router.post('/:tenantId/api-keys/:keyId/rotate', async (req, res) => {
    const { tenantId, keyId } = req.params;
    const key = isUuid(tenantId) && isUuid(keyId) ? await rotateApiKey(pool, tenantId, keyId) : undefined;
    if (!key) throw notFound('API key');
    res.status(201).json({ apiKeyId: key.id, apiKey: key.apiKey });
  });

  router.delete('/:tenantId/api-keys/:keyId', async (req, res) => {
    const { tenantId, keyId } = req.params;
    if (!isUuid(tenantId) || !isUuid(keyId) || !(await revokeApiKey(pool, tenantId, keyId))) {
      throw notFound('API key');
    }
    res.status(204).end();
  });

  return router;
}
