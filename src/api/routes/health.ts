import { Router } from 'express';
import { HEALTH, READINESS, sendJson } from '../answers.ts';
import type { Readiness } from '../readiness.ts';

/**
 * `GET /healthz`: this process answers. `GET /readyz`: which of the services that a reply needs are there.
 * Anybody may ask, so it names no address and no error: those are logged.
 */
export function healthRoutes({ checkAll }: Pick<Readiness, 'checkAll'>): Router {
  const router = Router();

  router.get('/healthz', (_req, res) => {
    sendJson(res, HEALTH, { status: 'ok' });
  });

  router.get('/readyz', async (_req, res) => {
    const checks = await checkAll();
    const missing = Object.entries(checks).flatMap(([name, check]) => (check === 'ok' ? [] : [name]));
    const isReady = missing.length === 0;
    const status = isReady ? ('ready' as const) : ('not ready' as const);
    sendJson(res.status(isReady ? 200 : 503), READINESS, { status, missing, checks });
  });

  return router;
}
