/** Whoever stands behind a proxy has its address: what strangers do there costs nobody else a request. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import express from 'express';
import { requireTenant } from '../../src/api/auth.ts';
import { hashOfKey } from '../../src/db/api-keys.ts';
import { createBoundedServer, type ServerLimits } from '../../src/lib/bounded-server.ts';
import { eventually } from '../support/eventually.ts';

jest.setTimeout(60_000);

let server: ReturnType<typeof createBoundedServer>;
let agent: Agent;
const sockets: Socket[] = [];
beforeEach(() => void (agent = new Agent({ keepAlive: true })));
afterEach(() => {
  agent.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  server.closeAllConnections();
});

async function start(limits: Partial<ServerLimits> = {}): Promise<void> {
  server = createBoundedServer(
    (req, res) => void req.resume().on('end', () => setImmediate(() => res.end('taken'))),
    limits,
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

const port = (): number => {
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
};

function open(text: string): Socket {
  const socket = connect({ port: port(), host: '127.0.0.1' });
  socket.on('error', () => undefined).on('connect', () => socket.write(text));
  sockets.push(socket);
  return socket;
}

const token = (tenant: string): string => `konstruct_${tenant.padEnd(43, '0')}`;

const HALVES = {
  body: 'POST /console/session HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nh',
  headers: 'POST /console/session HTTP/1.1\r\nHost: x\r\n',
  nothing: '',
};

/** A whole request, over a kept connection or one of its own; the result says what failed. */
const post = (over: Agent | false): Promise<string[]> =>
  new Promise((resolve) => {
    const options = { port: port(), method: 'POST', agent: over, headers: { 'content-length': 5 } };
    const req = request(options, (res) => res.resume().on('end', () => resolve([])));
    req.on('error', (error) => resolve([error.message])).end('hello');
  });

/** Opens halves until it has come to pass, while others post without a pause; the result says what failed. */
async function failuresBeside(half: string, isOver: () => boolean): Promise<string[]> {
  let areOver = false;
  const client = async (over: Agent | false): Promise<string[]> => {
    const failures: string[] = [];
    while (!areOver) failures.push(...(await post(over)));
    return failures;
  };
  const clients = Array.from({ length: 20 }, (_, nth) => client(nth % 2 === 0 && agent));
  while (!isOver()) {
    for (let nth = 0; nth < 5; nth += 1) open(half);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  areOver = true;
  return (await Promise.all(clients)).flat();
}

test.each(Object.entries(HALVES))(
  'with the limits as they are, 800 connections with half a request (%s) fail no whole one',
  async (_what, half) => {
    await start();
    expect(await failuresBeside(half, () => sockets.length >= 800)).toEqual([]);
  },
);

test('nor do halves where connections run short: they give way to each other', async () => {
  await start({ crowdedFrom: 100, fewPerAddress: 0, momentMs: 200 });
  const isCrowded = (): boolean => sockets.filter(({ destroyed }) => destroyed).length >= 50;
  expect(await failuresBeside(HALVES.body, isCrowded)).toEqual([]);
});

test('nor do they take an answer that somebody takes slowly behind the same proxy', async () => {
  server = createBoundedServer(
    (req, res) => void (req.url === '/export' ? res.end(Buffer.alloc(50_000_000, 'x')) : req.resume()),
    { crowdedFrom: 100, fewPerAddress: 0, momentMs: 50, checkEveryMs: 20 },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const slow = open('GET /export HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const ended = once(slow, 'close');
  await once(slow.pause(), 'readable');
  const closed = (): number => sockets.filter(({ destroyed }) => destroyed).length;
  while (closed() < 30) {
    for (let nth = 0; nth < 5; nth += 1) open(HALVES.body).resume();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  slow.resume();
  await ended;
  expect(slow.bytesRead).toBeGreaterThan(50_000_000);
});

test('nor do bodies that one tenant never sends whole close the one that another sends', async () => {
  const app = express();
  const tenants = { findKey: async (hash: Buffer) => keyOf(hash), takePlace: () => undefined };
  const keyOf = (hash: Buffer) => {
    const tenantId = hash.equals(hashOfKey(token('quiet')) ?? hash) ? 'quiet' : 'loud';
    return { id: 'key', firstId: 'key', tenantId, name: '', role: 'admin' as const };
  };
  app.use(requireTenant(tenants), (req, res) => void req.resume().on('end', () => res.end('taken')));
  server = createBoundedServer(app, { bodyBytes: 1_000_000 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const begin = (tenant: string): string =>
    `POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token(tenant)}\r\nContent-Length: 600000\r\n\r\n` +
    'x'.repeat(400_000);
  const quiet = open(begin('quiet'));
  await once(server, 'request');
  const loud = Array.from({ length: 5 }, () => open(begin('loud')).resume());
  await eventually(() => loud.filter(({ destroyed }) => destroyed).length === 4);
  quiet.write('x'.repeat(200_000));
  expect(String(await once(quiet, 'data'))).toContain('taken');
});

test('1,000 connections that come back at once are all answered', async () => {
  await start();
  const answered = Array.from({ length: 1_000 }, async () => {
    const socket = open('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    return socket.bytesRead > 0;
  });
  expect((await Promise.all(answered)).filter(Boolean)).toHaveLength(1_000);
});
