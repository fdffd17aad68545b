import { request, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { NotInTimeError, within } from '../../src/lib/within.ts';

test('what takes longer is not in time', async () => {
  await expect(within(5, new Promise(() => undefined))).rejects.toThrow(NotInTimeError);
});

test('an answer that had come while the process stood still is in time', async () => {
  const server = createServer((_req, res) => void res.end('here')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const answer = new Promise<string>((resolve) =>
    request({ port, host: '127.0.0.1' }, (res) => resolve(String(res.statusCode))).end(),
  );
  const inTime = within(500, answer);
  // The request is on its way and its answer is about to come when the process stands still.
  await new Promise((resolve) => server.once('request', resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const until = performance.now() + 700;
  while (performance.now() < until);
  expect(await inTime).toBe('200');
  server.close();
});
