/** Calls that wait for something: those of one tenant leave others room, also where all have one address. */
import { EventEmitter, once } from 'node:events';
import { request, type IncomingMessage, type Server } from 'node:http';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import express, { type Response } from 'express';
import pino from 'pino';
import { busyConnections, connectionsFor } from '../../src/api/busy-connections.ts';
import { bodyHasCome, CALLS_AT_ONCE, createCallsUnderWay } from '../../src/api/calls-under-way.ts';
import { problemHandler } from '../../src/api/problems.ts';
import { takeWaitingPlace } from '../../src/api/waiting-places.ts';
import { MOST_WAITING } from '../../src/db/pool.ts';
import { createBoundedServer } from '../../src/lib/bounded-server.ts';
import { createShares, mostKept, mostPlaces } from '../../src/lib/shares.ts';
import { eventually } from '../support/eventually.ts';

jest.setTimeout(60_000);

describe('over connections', () => {
  let server: Server;
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });

  /** The status of a call over a connection of its own, or why there is none. */
  function ask(tenantId: string): Promise<number | string> {
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    return new Promise((resolve) => {
      request({ host: '127.0.0.1', port, path: `/${tenantId}`, agent: false }, (res: IncomingMessage) => {
        res.resume().on('end', () => resolve(res.statusCode ?? 0));
      })
        .on('error', (error) => resolve(error.message))
        .end();
    });
  }

  const askAll = (tenantId: string, count: number): Array<Promise<number | string>> =>
    Array.from({ length: count }, () => ask(tenantId));

  test('of a tenant’s flood what is over is a 429, no connection fails, and others are answered', async () => {
    const takePlace = createCallsUnderWay();
    const underWay: Response[] = [];
    const app = express();
    app.get('/:tenantId', (req, res) => {
      takePlace(req.params.tenantId, res);
      if (req.params.tenantId === 'quiet') res.end();
      else underWay.push(res);
    });
    app.use(problemHandler(pino({ level: 'silent' })));
    server = createBoundedServer(app, { maxConnections: connectionsFor(500) }).listen(0, '127.0.0.1');
    await once(server, 'listening');

    const answers: Array<number | string> = [];
    const loud = askAll('loud', CALLS_AT_ONCE.open + 2_000);
    for (const answer of loud) void answer.then((status) => answers.push(status));
    expect(await Promise.all(askAll('quiet', 50))).toEqual(Array<number>(50).fill(200));
    await eventually(() => answers.length + underWay.length === loud.length);
    expect(new Set(answers)).toEqual(new Set([429]));
    expect(underWay.length).toBeLessThanOrEqual(CALLS_AT_ONCE.open + CALLS_AT_ONCE.kept);
    expect(await Promise.all(askAll('quiet', 50))).toEqual(Array<number>(50).fill(200));
  });
});

/** A call whose body has come, or is on its way; `come` says that it has, `end` that it is answered. */
function call(tenantId: string, hasCome = true) {
  const req = { complete: hasCome, headers: { 'content-length': '9' } };
  const res = Object.assign(new EventEmitter(), { req, closed: false });
  return {
    tenantId,
    res: res as unknown as Response,
    come: () => void (req.complete = true),
    end: () => {
      res.closed = true;
      res.emit('close');
    },
  };
}

const LIMITS = { open: 4, kept: 2 };
const REFUSED = expect.objectContaining({ status: 429, members: { limit: 'share', retryAfterMs: 1_000 } });

/** Takes places until there are no more; gives those calls that have one. */
function takeAll(take: ReturnType<typeof createCallsUnderWay>, tenantId: string, hasCome = true) {
  const held: Array<ReturnType<typeof call>> = [];
  for (;;) {
    const next = call(tenantId, hasCome);
    try {
      take(tenantId, next.res);
    } catch (error) {
      expect(error).toEqual(REFUSED);
      return held;
    }
    held.push(next);
  }
}

test('while there is room nobody is refused, and then others find some all the same', () => {
  const take = createCallsUnderWay(LIMITS);
  const loud = takeAll(take, 'loud');
  expect(loud).toHaveLength(LIMITS.open + LIMITS.kept);
  expect(takeAll(take, 'other')).toHaveLength(1);
  // What ends gives its place back.
  for (const { end } of loud) end();
  expect(takeAll(take, 'loud').length).toBeGreaterThanOrEqual(LIMITS.open);
});

test('a call whose body doesn’t come takes no place of one that is whole', () => {
  const take = createCallsUnderWay(LIMITS);
  const without = takeAll(take, 'loud', false);
  // They have a bound of their own.
  expect(without).toHaveLength(LIMITS.open + LIMITS.kept);
  const whole = Array.from({ length: LIMITS.open }, () => call('other'));
  for (const { res } of whole) take('other', res);
});

test('nor are bodies that come at once more than there is room for', () => {
  const take = createCallsUnderWay(LIMITS);
  const late = takeAll(take, 'loud', false);
  takeAll(take, 'loud');
  for (const { res, come } of late) {
    come();
    expect(() => bodyHasCome(res)).toThrow(expect.objectContaining({ status: 429 }));
  }
});

test('one that waits for a reply leaves its place to others', () => {
  const take = createCallsUnderWay(LIMITS);
  const waiting = createShares(100);
  for (let nth = 0; nth < 10 * LIMITS.open; nth += 1) {
    const next = call('a');
    take('a', next.res);
    takeWaitingPlace(waiting, 'a', next.res);
    // Whoever lets it through asks again, and it has its place.
    take('a', next.res);
  }
  expect(waiting.heldBy('a')).toBe(10 * LIMITS.open);
  expect(takeAll(take, 'b').length).toBeGreaterThanOrEqual(LIMITS.open);
});

test('what tenants can hold together, however many collude, is less than the connections', () => {
  const take = createCallsUnderWay();
  const tenants = Array.from({ length: 500 }, (_, nth) => `tenant ${nth}`);
  for (const hasCome of [true, false]) {
    let held = 0;
    for (const tenantId of tenants) held += takeAll(take, tenantId, hasCome).length;
    expect(held).toBeGreaterThan(CALLS_AT_ONCE.open);
    expect(held).toBeLessThanOrEqual(mostKept(CALLS_AT_ONCE));
  }
  for (const waitingRequests of [1, 500, 1_000]) {
    const held = 2 * mostKept(CALLS_AT_ONCE) + mostPlaces(waitingRequests);
    expect(busyConnections(waitingRequests)).toBeGreaterThan(held);
    // And as many as may be idle.
    expect(connectionsFor(waitingRequests)).toBeGreaterThan(busyConnections(waitingRequests) + 1_500);
  }
});

test('a call that is let in is not refused for how many wait for the database', () => {
  expect(MOST_WAITING).toBeGreaterThanOrEqual(CALLS_AT_ONCE.open + CALLS_AT_ONCE.kept);
});
