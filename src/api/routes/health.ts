import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { Router } from 'express';
import { checkRedis, type RedisClient } from '../../redis/connection.ts';
import type pg from 'pg';
import type { Logger } from 'pino';
import { HEALTH, READINESS, sendJson } from '../answers.ts';
import { keptFor } from '../../lib/kept-for.ts';
import { within } from '../../lib/within.ts';
import { EMBEDDING_TASK_QUEUE, REPLY_TASK_QUEUE } from '../../domain/task-queues.ts';

const CHECK_WITHIN_MS = 2_000;
/** However often it is asked, the services are. */
const ANSWER_KEPT_MS = 1_000;
/** A worker polls at least once a minute; one that hasn't for longer is gone. */
const POLLER_FRESH_MS = 70_000;

type Readiness = { status: 'ready' | 'not ready'; missing: string[]; checks: Record<string, 'ok' | 'away'> };

/**
 * `GET /healthz`: this process answers. `GET /readyz`: which of the services that a reply needs are there.
 * Anybody may ask, so it names no address and no error: those are logged.
 */
export function healthRoutes(dependencies: {
  pool: pg.Pool;
  redis: RedisClient;
  temporal: Client;
  log: Logger;
}): Router {
  const { pool, redis, temporal, log } = dependencies;
  const router = Router();

  router.get('/healthz', (_req, res) => {
    sendJson(res, HEALTH, { status: 'ok' });
  });

  const PROBES: Record<string, () => Promise<unknown>> = {
    postgres: () => pool.query('SELECT 1 FROM conversation_embeddings LIMIT 0'),
    redis: () => checkRedis(redis),
    temporal: () => temporal.workflowService.getSystemInfo({}),
    worker: () => workersPoll(temporal),
  };
  const checkAll = async (): Promise<Readiness> => {
    const checked = Object.entries(PROBES).map(
      async ([name, probe]) => [name, await check(name, probe)] as const,
    );
    const checks = Object.fromEntries(await Promise.all(checked));
    const missing = Object.keys(checks).filter((name) => checks[name] !== 'ok');
    return { status: missing.length === 0 ? 'ready' : 'not ready', missing, checks };
  };
  const check = async (service: string, probe: () => Promise<unknown>): Promise<'ok' | 'away'> => {
    try {
      await within(CHECK_WITHIN_MS, probe());
      return 'ok';
    } catch (error) {
      log.warn({ service, err: error }, 'not ready');
      return 'away';
    }
  };

  const readinessNow = keptFor(ANSWER_KEPT_MS, checkAll);
  router.get('/readyz', async (_req, res) => {
    const readiness = await readinessNow();
    sendJson(res.status(readiness.status === 'ready' ? 200 : 503), READINESS, readiness);
  });

  return router;
}

/** A worker polls only once its model is loaded, so its polling says that replies can be made. */
async function workersPoll(temporal: Client): Promise<void> {
  for (const name of [REPLY_TASK_QUEUE, EMBEDDING_TASK_QUEUE]) {
    const { pollers } = await temporal.workflowService.describeTaskQueue({
      namespace: temporal.options.namespace,
      taskQueue: { name },
      taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    });
    const newest = Math.max(
      0,
      ...pollers.map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000),
    );
    if (Date.now() - newest > POLLER_FRESH_MS) throw new Error(`no worker polls the task queue ${name}`);
  }
}
