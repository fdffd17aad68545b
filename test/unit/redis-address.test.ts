import { expect, test } from '@jest/globals';
import { readRedisUrl } from '../../src/redis/address.ts';

test.each([
  ['redis://:pw@h:1/2', { kind: 'server', url: 'redis://:pw@h:1/2' }],
  [
    'rediss+cluster://kon:a%40b:c@one,[::1]:7000',
    {
      kind: 'cluster',
      nodes: [
        { host: 'one', port: 6379 },
        { host: '::1', port: 7000 },
      ],
      ...{ username: 'kon', password: 'a@b:c', tls: {} },
    },
  ],
  ['redis+cluster://:pw@h', { kind: 'cluster', nodes: [{ host: 'h', port: 6379 }], password: 'pw' }],
  [
    'redis+sentinel://a,b:1/main/3?sentinelPassword=x%20y',
    {
      kind: 'sentinel',
      sentinels: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 1 },
      ],
      ...{ name: 'main', db: 3, sentinelPassword: 'x y' },
    },
  ],
])('%s', (url, address) => {
  expect(readRedisUrl(url)).toEqual(address);
});
