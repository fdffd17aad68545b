/** A database of a test's own, with the worker's role in it, and Redis. */
import type pg from 'pg';
import { createPool } from '../../src/db/pool.ts';
import { asRole, connectRedis, createTestDatabase, type TestDatabase } from './services.ts';

export type WorkerDatabase = {
  database: TestDatabase;
  /** What a worker may do, and no more. */
  worker: pg.Pool;
  redis: Awaited<ReturnType<typeof connectRedis>>;
  close(): Promise<void>;
};

export async function createWorkerDatabase(statementTimeoutMs: number): Promise<WorkerDatabase> {
  const [database, redis] = await Promise.all([createTestDatabase(), connectRedis()]);
  const worker = createPool({ databaseUrl: asRole('worker', database.url), max: 6, statementTimeoutMs });
  return {
    ...{ database, worker, redis },
    async close() {
      redis.disconnect();
      await worker.end();
      await database.drop();
    },
  };
}
