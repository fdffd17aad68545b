import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { Router } from 'express';
import { checkRedis, type RedisClient } from '../../redis/connection.ts';
import type pg from 'pg';
import { within } from '../../lib/within.ts';
import { EMBEDDING_TASK_QUEUE, REPLY_TASK_QUEUE } from '../../domain/task-queues.ts';

const CHECK_WITHIN_MS = 2_000;
/** A worker polls at least once a minute; one that hasn't for longer is gone. */
const POLLER_FRESH_MS = 70_000;

/**
 * `GET /healthz`: this process answers. `GET /readyz`: which of the services that a reply needs are there.
 */
export function healthRoutes(dependencies: { pool: pg.Pool; redis: RedisClient; temporal: Client }): Router {
  const { pool, redis, temporal } = dependencies;
  const router = Router();

  router.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });

  router.get('/readyz', async (_req, res) => {
    const [postgres, redisCheck, temporalCheck, worker] = await Promise.all([
      check(() => pool.query('SELECT 1 FROM conversation_embeddings LIMIT 0')),
      check(() => checkRedis(redis)),
      check(() => temporal.workflowService.getSystemInfo({})),
      check(() => workersPoll(temporal)),
    ]);
    const checks = { postgres, redis: redisCheck, temporal: temporalCheck, worker };
    const missing = Object.entries(checks).flatMap(([name, result]) => (result === 'ok' ? [] : [name]));
    res.status(missing.length === 0 ? 200 : 503).json({
      status: missing.length === 0 ? 'ready' : 'not ready',
      missing,
      checks,
    });
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

async function check(probe: () => Promise<unknown>): Promise<string> {
  try {
    await within(CHECK_WITHIN_MS, probe());
    return 'ok';
  } catch (error) {
    return error instanceof Error && error.message ? error.message : 'unavailable';
  }
}
