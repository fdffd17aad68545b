import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { freePort } from '../../src/lib/free-port.ts';
import { listen, listenProblem, localUrl } from '../../src/lib/listening.ts';

describe('where this machine reaches what listens at a host', () => {
  test.each([
    ['127.0.0.1', 'http://127.0.0.1:3000'],
    ['0.0.0.0', 'http://127.0.0.1:3000'],
    ['10.1.2.3', 'http://10.1.2.3:3000'],
    ['localhost', 'http://localhost:3000'],
    ['box.example.org', 'http://box.example.org:3000'],
    ['::1', 'http://[::1]:3000'],
    ['[::1]', 'http://[::1]:3000'],
    ['::', 'http://[::1]:3000'],
    ['0:0:0:0:0:0:0:0', 'http://[::1]:3000'],
    ['fd00::7', 'http://[fd00::7]:3000'],
  ])('%s: %s', (host, url) => {
    expect(localUrl(host, 3000)).toBe(url);
  });

  test.each(['http://x', 'a/b', 'a b', 'localhost:80', 'me@box', ''])('%j is none', (host) => {
    expect(() => localUrl(host, 3000)).toThrow(/^HOST=.* is no address and no name: set HOST to/);
  });
});

test('an address of another machine, and a name that is unknown: one line says what to set', async () => {
  for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
    const problem = await listenProblem({ host, port: await freePort(), setting: 'PORT' });
    expect(problem).toMatch(
      /^nothing can listen at HOST=\S+ \(E\w+\): set HOST to an address of this machine/,
    );
  }
});

test('a port in use is told by the setting that names it', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const host of ['127.0.0.1', '0.0.0.0'])
    await expect(listen(createServer(), { host, port, setting: 'WORKER_PORT' })).rejects.toThrow(
      `port ${port} is in use: stop what uses it, or set WORKER_PORT to a free one`,
    );
  server.close();
});
