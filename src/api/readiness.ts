import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type pg from 'pg';
import type { Logger } from 'pino';
import { inNoTenant } from '../db/tenant-transaction.ts';
import { EMBEDDING_TASK_QUEUE, REPLY_TASK_QUEUE } from '../domain/task-queues.ts';
import { keptFor } from '../lib/kept-for.ts';
import { within } from '../lib/within.ts';
import { checkRedis, type RedisClient } from '../redis/connection.ts';
import { isTemporalBusy, isUnknownWorkflow } from '../temporal/outage.ts';

const CHECK_WITHIN_MS = 2_000;
/** Postgres ends by itself what waits for a lock: probes that nobody waits for any more would heap up. */
const STATEMENT_WITHIN_MS = 1_500;
/** However often it is asked, a service is. */
const ANSWER_KEPT_MS = 1_000;
/** A worker polls at least once a minute; one that hasn't for longer is gone. */
const POLLER_FRESH_MS = 70_000;
/** Needs what intake needs, its tables and a server that takes writes, and writes no row. */
const MAY_ENTER = 'INSERT INTO turns (tenant_id) SELECT tenant_id FROM scopes LIMIT 0';

/** No workflow of ours has such an id. */
const NO_WORKFLOW = { workflowId: 'readiness' };

type Service = 'postgres' | 'redis' | 'temporal' | 'worker';
type Check = 'ok' | 'away';

/** What this process finds when it asks the services itself, with connections of no tenant's share. */
export type Readiness = {
  /** Each service that a reply needs. */
  checkAll: () => Promise<Record<Service, Check>>;
  /** Whether a service is away without which nobody's message is accepted. */
  isOutage: () => Promise<boolean>;
};

/** Neither answer rejects, and each is a second old at most. */
export function createReadiness(dependencies: {
  pool: pg.Pool;
  redis: RedisClient;
  temporal: Client;
  log: Logger;
}): Readiness {
  const { pool, redis, temporal, log } = dependencies;
  const checked = (service: Service, probe: () => Promise<unknown>): (() => Promise<Check>) =>
    keptFor(ANSWER_KEPT_MS, async () => {
      try {
        await within(CHECK_WITHIN_MS, probe());
        return 'ok';
      } catch (error) {
        log.warn({ service, err: error }, 'not ready');
        return 'away';
      }
    });
  const postgres = checked('postgres', () =>
    inNoTenant(pool, (client) => client.query(MAY_ENTER), { statementWithinMs: STATEMENT_WITHIN_MS }),
  );
  const redisThere = checked('redis', () => checkRedis(redis));
  const temporalThere = checked('temporal', () => looksUpWorkflows(temporal));
  const worker = checked('worker', () => workersPoll(temporal));
  return {
    async checkAll() {
      const all = [postgres(), redisThere(), temporalThere(), worker()] as const;
      const [ofPostgres, ofRedis, ofTemporal, ofWorker] = await Promise.all(all);
      return { postgres: ofPostgres, redis: ofRedis, temporal: ofTemporal, worker: ofWorker };
    },
    async isOutage() {
      return (await Promise.all([postgres(), temporalThere()])).includes('away');
    },
  };
}

/** Needs what a start needs, its histories and their store: the frontend alone answers other calls. */
async function looksUpWorkflows(temporal: Client): Promise<void> {
  const { namespace } = temporal.options;
  try {
    await temporal.workflowService.describeWorkflowExecution({ namespace, execution: NO_WORKFLOW });
  } catch (error) {
    if (!isUnknownWorkflow(error) && !isTemporalBusy(error)) throw error;
  }
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
