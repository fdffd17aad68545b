import { expect, test } from '@jest/globals';
import { apiConfig, workerConfig } from '../../src/config/index.ts';

const SERVICES = { DATABASE_URL: 'postgres://x', REDIS_URL: 'redis://x', TEMPORAL_ADDRESS: 'x:7233' };

test('all missing settings are reported at once, each with its remedy', () => {
  expect(() => workerConfig({ REDIS_URL: '' })).toThrow(
    /DATABASE_URL is not set \(set it to postgres:[\s\S]*REDIS_URL is not set[\s\S]*LLM_MODEL is not set/,
  );
});

test('the error for a wrong value names the setting', () => {
  expect(() => apiConfig({ ...SERVICES, PORT: 'many' })).toThrow(/PORT: /);
});

test('defaults', () => {
  expect(apiConfig(SERVICES)).toMatchObject({ port: 3000, host: '127.0.0.1', logLevel: 'info' });
  expect(apiConfig(SERVICES).temporal).toEqual({ address: 'x:7233', namespace: 'default' });
});

test('an API key for Temporal implies TLS, unless it is switched off', () => {
  expect(apiConfig({ ...SERVICES, TEMPORAL_API_KEY: 'k' }).temporal).toMatchObject({ apiKey: 'k', tls: {} });
  const off = apiConfig({ ...SERVICES, TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'false' }).temporal;
  expect(off).not.toHaveProperty('tls');
});
