import { Router } from 'express';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { findReindex } from '../../db/reindexes.ts';
import { requestReindex } from '../../intake/request-reindex.ts';
import { REINDEX } from '../answers-operator.ts';
import { sendJson } from '../answers.ts';
import { notFound } from '../problems.ts';
import { toUuid } from '../uuid.ts';

/** Brings up what older code has derived of memories, for the operator: the pool is of that role. */
export function reindexRoutes({ pool, temporal }: { pool: pg.Pool; temporal: Client }): Router {
  const router = Router();

  router.post('/:tenantId/reindex', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    const operator = { type: 'operator' } as const;
    const reindex = tenantId && (await requestReindex({ pool, temporal }, tenantId, operator));
    if (!reindex) throw notFound('tenant');
    sendJson(res.status(202).set('Location', `/v1/tenants/${tenantId}/reindex`), REINDEX, reindex);
  });

  router.get('/:tenantId/reindex', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    const reindex = tenantId && (await findReindex(pool, tenantId));
    if (!reindex) throw notFound('reindex');
    sendJson(res, REINDEX, reindex);
  });

  return router;
}
