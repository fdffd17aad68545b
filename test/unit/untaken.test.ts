/** Answers that tenants don't take: how much of the process they hold, and who gives way. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import express, { type Response } from 'express';
import pino from 'pino';
import { openEvents } from '../../src/api/event-stream.ts';
import { problemHandler } from '../../src/api/problems.ts';
import { createUntaken } from '../../src/api/untaken.ts';
import { createBoundedServer } from '../../src/lib/bounded-server.ts';
import { eventually } from '../support/eventually.ts';

const ROOM = 50_000_000;
/** More than the system keeps for a reader. */
const ANSWER = Buffer.alloc(20_000_000, 'x');

let server: Server;
let underWay: Response[];
const sockets: Socket[] = [];
beforeEach(async () => {
  underWay = [];
  const heed = createUntaken(ROOM);
  const app = express();
  app.use('/:tenantId', (req, res, next) => {
    heed(req.params.tenantId, res);
    underWay.push(res);
    next();
  });
  app.get('/:tenantId/events', (_req, res) => void openEvents(res).write(ANSWER.toString()));
  const twoBytes = 'ж'.repeat(ANSWER.length);
  app.get('/:tenantId/events-of-two-bytes', (_req, res) => void openEvents(res).write(twoBytes));
  app.get('/:tenantId', (_req, res) => void res.send(ANSWER));
  app.use(problemHandler(pino({ level: 'silent' })));
  server = createBoundedServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  server.closeAllConnections();
});

/** Asks for an answer and takes nothing of it until `read`, which resolves to all that came. */
async function ask(path: string): Promise<{ socket: Socket; read(): Promise<string> }> {
  const address = server.address();
  const socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined).pause();
  const asked = once(server, 'request');
  socket.write(`GET /${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await asked;
  return {
    socket,
    async read() {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => void chunks.push(chunk)).resume();
      await once(socket, 'close');
      return Buffer.concat(chunks).toString('latin1');
    },
  };
}

const waiting = () => underWay.reduce((sum, res) => sum + (res.closed ? 0 : res.writableLength), 0);
const isWhole = (answer: string) => answer.length > ANSWER.length;

test('a tenant that takes none of its answers is refused the next ones, until it takes them', async () => {
  const [first, second] = [await ask('loud'), await ask('loud')];
  const refused = await (await ask('loud')).read();
  expect(refused).toMatch(/^HTTP\/1\.1 429 /);
  expect(refused).toMatch(/Retry-After: 1\r\n/);
  expect(refused).toContain('"limit":"share"');
  expect(isWhole(await first.read())).toBe(true);
  expect(isWhole(await second.read())).toBe(true);
  await eventually(() => waiting() === 0);
  expect(isWhole(await (await ask('loud')).read())).toBe(true);
});

test('what another asks for is answered, and of more than there is room for the loud one’s oldest gives way', async () => {
  const [first, second] = [await ask('loud'), await ask('loud')];
  const quiet = await ask('quiet');
  expect(isWhole(await first.read())).toBe(false);
  expect(waiting()).toBeLessThanOrEqual(ROOM);
  expect(isWhole(await quiet.read())).toBe(true);
  expect(isWhole(await second.read())).toBe(true);
});

test('what is under way when the room is full doesn’t fill the process either', async () => {
  for (let i = 0; i < 8; i += 1) await ask(`tenant-${i}`);
  // A request may begin in the next turn of the loop.
  await eventually(() => underWay.length === 8);
  await eventually(() => waiting() <= ROOM);
});

test('a stream that waits for its reader counts before its end', async () => {
  await ask('loud/events');
  await ask('loud/events');
  expect(await (await ask('loud')).read()).toMatch(/^HTTP\/1\.1 429 /);
});

test('what waits counts by its bytes, not by its letters', async () => {
  await ask('loud/events-of-two-bytes');
  expect(await (await ask('loud')).read()).toMatch(/^HTTP\/1\.1 429 /);
});
