import { Router, type Request } from 'express';
import type pg from 'pg';
import { listAudit, listAuditOfAll } from '../../db/audit.ts';
import { tenantOf } from '../admission.ts';
import { AUDIT_PAGE, sendJson } from '../answers.ts';
import { pageOf } from '../cursor.ts';
import { notFound } from '../problems.ts';
import { pageQuery, validate } from '../schemas.ts';
import { toUuid } from '../uuid.ts';

/** `GET /audit`: a tenant's audit log, newest first, paged. */
export function auditRoutes({ pool }: { pool: pg.Pool }): Router {
  const router = Router();
  router.get('/audit', async (req, res) => {
    const tenantId = tenantOf(res);
    const { page, nextCursor } = await pageOf(asked(req), (rows) => listAudit(pool, tenantId, rows));
    sendJson(res, AUDIT_PAGE, { entries: page, nextCursor });
  });
  return router;
}

/**
 * `GET /audit` and `GET /{tenantId}/audit` for the operator: the entries of all tenants, or of one, also when
 * it is gone. The pool is of the operator's role.
 */
export function operatorAuditRoutes({ pool }: { pool: pg.Pool }): Router {
  const router = Router();
  router.get('/audit', async (req, res) => {
    const { page, nextCursor } = await pageOf(asked(req), (rows) => listAuditOfAll(pool, rows));
    sendJson(res, AUDIT_PAGE, { entries: page, nextCursor });
  });
  router.get('/:tenantId/audit', async (req, res) => {
    const tenantId = toUuid(req.params.tenantId);
    if (!tenantId) throw notFound('tenant');
    const { page, nextCursor } = await pageOf(asked(req), (rows) => listAudit(pool, tenantId, rows));
    sendJson(res, AUDIT_PAGE, { entries: page, nextCursor });
  });
  return router;
}

const asked = (req: Request) => validate(pageQuery, req.query, 'query');
