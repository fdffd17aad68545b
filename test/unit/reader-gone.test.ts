/** Answers whose readers are gone, or take nothing: nothing is done for them, and nothing of them is left. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Server } from 'node:http';
import { afterEach, expect, jest, test } from '@jest/globals';
import express, { type Response } from 'express';
import { openEvents } from '../../src/api/event-stream.ts';
import { createListShares } from '../../src/api/list-shares.ts';
import { goneOrClosing } from '../../src/api/prefer.ts';
import { takeWaitingPlace } from '../../src/api/waiting-places.ts';
import { createBoundedServer } from '../../src/lib/bounded-server.ts';
import { createShares } from '../../src/lib/shares.ts';

let server: Server | undefined;
let socket: Socket | undefined;
afterEach(() => {
  jest.restoreAllMocks();
  socket?.destroy();
  server?.close();
  server?.closeAllConnections();
});

/** Serves an app, and sends it what a client would. */
async function send(app: express.Express, text: string): Promise<void> {
  server = createBoundedServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  socket = connect({ port: typeof address === 'object' ? (address?.port ?? 0) : 0, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text);
}
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

test('a stream that has ended and isn’t taken says nothing more, and a write to it ends no process', async () => {
  const beats: Array<() => void> = [];
  const set = jest.spyOn(globalThis, 'setInterval');
  const clear = jest.spyOn(globalThis, 'clearInterval');
  const app = express();
  const ended = new Promise<Response>((resolve) => {
    app.get('/ended', (_req, res) => {
      openEvents(res);
      const [beat] = set.mock.calls.at(-1) ?? [];
      beats.push(beat as () => void);
      // More than the system keeps for a reader.
      res.end(Buffer.alloc(20_000_000));
      resolve(res);
    });
  });
  await send(app, get('/ended'));
  const res = await ended;
  expect(res.writableFinished).toBe(false);
  for (const beat of beats) beat();
  expect(clear).toHaveBeenCalledTimes(1);
  // Whoever writes all the same gets an error, and that answer alone.
  res.write('late');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(res.destroyed).toBe(true);
});

test('what is asked by somebody who is gone takes no place, waits for nothing and leaves no timer', async () => {
  const arrived = new Promise<Response>((resolve) => {
    const app = express();
    app.get('/', (_req, res) => resolve(res));
    void send(app, get('/'));
  });
  const res = await arrived;
  socket?.destroy();
  await once(res, 'close');
  const waiting = createShares(1);
  expect(() => takeWaitingPlace(waiting, 'a', res)).toThrow('closed');
  expect(waiting.take('a')).toBeDefined();
  expect(() => createListShares()('a', res)).toThrow('closed');
  expect(goneOrClosing(res, new AbortController().signal).aborted).toBe(true);
  const clear = jest.spyOn(globalThis, 'clearInterval');
  openEvents(res);
  expect(clear).toHaveBeenCalledTimes(1);
});
