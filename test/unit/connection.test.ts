import { expect, test } from '@jest/globals';
import { workerConfig } from '../../src/config/index.ts';
import { workerOptions } from '../../src/worker/connection.ts';

const SERVICES = {
  DATABASE_URL: 'postgres://x',
  REDIS_URL: 'redis://x',
  TEMPORAL_ADDRESS: 'x:7233',
  LLM_BASE_URL: 'http://x',
  LLM_MODEL: 'x',
  KONSTRUCT_MODELS: '/x',
};

test('a worker compresses its traffic over the internet, and none within a network', () => {
  const codecWith = (env: Record<string, string>) =>
    workerOptions(workerConfig({ ...SERVICES, ...env }).temporal).grpcCompression?.codec;
  expect(codecWith({})).toBe('none');
  expect(codecWith({ TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'false' })).toBe('none');
  expect(codecWith({ TEMPORAL_API_KEY: 'k' })).toBe('gzip');
  expect(codecWith({ TEMPORAL_TLS: 'true' })).toBe('gzip');
});
