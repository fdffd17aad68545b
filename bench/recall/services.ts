import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createPool } from '../../src/db/pool.ts';
import { createEmbedder } from '../../src/memory/embedding/embedder.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { serviceUrlsOf } from '../../local/stack/service-urls.ts';
import { startStack, type StackHandle } from '../../local/stack/index.ts';
import { withoutSettings } from '../../local/stack/without-settings.ts';
import { cachedEmbedder } from './cached-embedder.ts';
import type { Services } from './replay.ts';

/** Lets `use` work with a throw-away stack; `vectors` is a file that remembers embeddings. */
export async function withServices<T>(
  onHandle: (handle: StackHandle) => void,
  vectors: string | undefined,
  use: (services: Services, adminUrl: string) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-bench-'));
  const stack = await startStack({
    home,
    ephemeral: true,
    want: ['postgres', 'redis', 'model'],
    env: withoutSettings(process.env),
    onHandle,
  });
  const { DATABASE_ADMIN_URL: adminUrl, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = stack.urls;
  const { DATABASE_OPERATOR_URL: operatorUrl, KONSTRUCT_MODELS: modelsPath } = stack.urls;
  if (!adminUrl || !databaseUrl || !operatorUrl || !redisUrl || !modelsPath)
    throw new Error('the stack was started without its URLs');
  await migrateDatabase({ databaseAdminUrl: adminUrl, serviceUrls: serviceUrlsOf(stack.urls) });
  const services: Services = {
    pool: createPool({ databaseUrl, max: 10, statementTimeoutMs: 10_000 }),
    operator: createPool({ databaseUrl: operatorUrl, max: 1, statementTimeoutMs: 10_000 }),
    redis: new Redis(redisUrl),
    embedder: await cachedEmbedder(await createEmbedder({ modelsPath }), vectors),
  };
  const made = await use(services, adminUrl);
  await Promise.all([services.pool.end(), services.operator.end(), services.embedder.close()]);
  services.redis.disconnect();
  await stack.stop();
  await rm(home, { recursive: true, force: true });
  return made;
}
