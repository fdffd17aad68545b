import type { Client } from '@temporalio/client';
import express, { Router, type Express } from 'express';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { WebhookChannel } from '../channels/channel.ts';
import type { TurnLimits } from '../domain/turn.ts';
import { createAcceptMessage } from '../intake/accept-message.ts';
import { cachedRateLimits } from '../intake/cached-rate-limits.ts';
import { MAX_BODY_BYTES } from '../intake/fields.ts';
import { createRateLimiter } from '../intake/rate-limiter.ts';
import { requireOperator, requireTenant } from './auth.ts';
import { createMetrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { notFound, problemHandler } from './problems.ts';
import { agentRoutes } from './routes/agents.ts';
import { healthRoutes } from './routes/health.ts';
import { memoryRoutes } from './routes/memory.ts';
import { messageRoutes } from './routes/messages.ts';
import { tenantRoutes } from './routes/tenants.ts';
import { webhookRoutes } from './routes/webhooks.ts';

export type AppDependencies = {
  pool: pg.Pool;
  redis: Redis;
  temporal: Client;
  log: Logger;
  limits: TurnLimits;
  operatorToken: string | undefined;
  /** Those that call us. */
  channels: readonly WebhookChannel[];
  /** Aborted at shutdown. */
  closing: AbortSignal;
};

/** The whole HTTP API. */
export function createApp(dependencies: AppDependencies): Express {
  const { pool, redis, log, operatorToken } = dependencies;
  const app = express();
  app.disable('x-powered-by');
  const { registry, timeRequests } = createMetrics();
  app.use(timeRequests);
  app.use(healthRoutes(dependencies));
  app.get('/metrics', async (_req, res) => {
    res.type(registry.contentType).send(await registry.metrics());
  });
  const description = openApiDocument();
  app.get('/openapi.json', (_req, res) => {
    res.json(description);
  });

  const rateLimiter = createRateLimiter({ redis, limitsOf: cachedRateLimits(pool) });
  const accept = createAcceptMessage({ ...dependencies, rateLimiter });
  app.use(webhookRoutes({ ...dependencies, accept, registry }));

  // `strict: false` lets us name the fault.
  const readJson = express.json({ limit: MAX_BODY_BYTES, strict: false });
  app.use('/v1/tenants', requireOperator(operatorToken), readJson, tenantRoutes(dependencies));
  const v1 = Router();
  v1.use(requireTenant(pool), readJson);
  v1.use(agentRoutes(dependencies));
  v1.use(messageRoutes({ ...dependencies, accept }));
  v1.use(memoryRoutes(dependencies));
  app.use('/v1', v1);

  app.use(() => {
    throw notFound('path');
  });
  app.use(problemHandler(log));
  return app;
}
