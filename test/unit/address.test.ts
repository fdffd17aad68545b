import { expect, test } from '@jest/globals';
import { requireFreePort } from '../../local/stack/ports.ts';
import { apiConfig } from '../../src/config/index.ts';
import { baseUrlOf } from '../../src/lib/address.ts';

test.each([
  ['127.0.0.1', 'http://127.0.0.1:3000'],
  ['0.0.0.0', 'http://127.0.0.1:3000'],
  ['::1', 'http://[::1]:3000'],
  ['::', 'http://[::1]:3000'],
  ['fe80::1', 'http://[fe80::1]:3000'],
  ['localhost', 'http://localhost:3000'],
])('a server on %s is reached at %s', (host, url) => {
  expect(baseUrlOf(host, 3000)).toBe(url);
  expect(() => new URL(url)).not.toThrow();
});

test('HOST may stand in brackets, as in a URL', () => {
  const env = { TEMPORAL_ADDRESS: 'x:7233', DATABASE_URL: 'postgres://x', REDIS_URL: 'redis://x' };
  expect(apiConfig({ ...env, HOST: '[::1]' }).host).toBe('::1');
});

test.each([
  ['203.0.113.7', /HOST=203\.0\.113\.7 is no address of this machine: set it to one/],
  ['no-such-host.invalid', /HOST=no-such-host\.invalid is no name that this machine knows/],
])('%s is refused at once, by one line', async (host, line) => {
  await expect(requireFreePort('PORT', '0', host)).rejects.toThrow(line);
});

test.each(['127.0.0.1', '0.0.0.0', '::1', '::', 'localhost'])('%s is taken', async (host) => {
  expect(await requireFreePort('PORT', '0', host)).toBeGreaterThan(0);
});
