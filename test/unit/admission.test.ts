/** How reads come in: by a limit, and at the pace of their tenant. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import express, { type Response } from 'express';
import type pg from 'pg';
import pino from 'pino';
import { admitKeys, auditRefusals, createAdmission, READ_COST } from '../../src/api/admission.ts';
import { TENANT_CALLS } from '../../src/api/calls.ts';
import { requireTenant } from '../../src/api/auth.ts';
import type { ToolDependencies } from '../../src/api/mcp/tools.ts';
import { LISTS_AT_ONCE } from '../../src/api/list-shares.ts';
import { notFound, problemHandler, problemOf } from '../../src/api/problems.ts';
import { createReadJson } from '../../src/api/read-json.ts';
import { createLongWork } from '../../src/lib/long-work.ts';
import { mcpRoutes } from '../../src/api/routes/mcp.ts';
import type { FoundApiKey } from '../../src/db/api-keys.ts';
import { PACED_WITHIN_MS } from '../../src/domain/timing.ts';
import { createPace, type Pace } from '../../src/intake/pace.ts';
import { serve } from '../support/http-server.ts';

const keyOf = (tenantId: string): FoundApiKey => ({
  ...{ id: 'key', firstId: 'key', tenantId, name: '', role: 'admin' },
});
const rateLimiter = { countRead: async () => undefined };
const admissionAt = (pace: Pace) => createAdmission({ rateLimiter, pace, callsAMinute: 300 });
const callOf = (action: string) => {
  const call = TENANT_CALLS.find((known) => known.action === action);
  if (!call) throw new Error(`${action} is no call`);
  return call;
};
const nobody = () => undefined;
/** An answer that nobody ends. */
const answer = () => new EventEmitter() as unknown as Response;

describe('a read', () => {
  test('waits for its tenant’s pace, for as long as a message', async () => {
    const asked: unknown[] = [];
    const { admit } = admissionAt(async (...of) => {
      asked.push(of);
      return { accepted: nobody };
    });
    await admit(callOf('agent.read'), keyOf('a'), answer(), nobody);
    expect(asked).toEqual([['a', PACED_WITHIN_MS, READ_COST]]);
    // It waits where its body has been read.
    await admit(callOf('message.send'), keyOf('a'), answer(), nobody);
    expect(asked).toHaveLength(1);
  });

  test('that would wait for longer is refused, and takes no place of a list', async () => {
    let isBusy = true;
    const { admit } = admissionAt(async () => (isBusy ? { retryAfterMs: 1_500 } : { accepted: nobody }));
    const list = () => admit(callOf('turn.list'), keyOf('a'), answer(), nobody);
    for (let i = 0; i < 2 * LISTS_AT_ONCE; i += 1) {
      await expect(list()).rejects.toMatchObject({
        status: 429,
        headers: { 'Retry-After': '2' },
        members: { limit: 'share', retryAfterMs: 1_500 },
      });
    }
    isBusy = false;
    for (let i = 0; i < LISTS_AT_ONCE; i += 1) await list();
  });
});

describe('a change', () => {
  test('waits for its tenant’s pace, an erasure as several', async () => {
    const costs: unknown[] = [];
    const { admit } = admissionAt(async (_tenantId, _withinMs, cost = 1) => {
      costs.push(cost);
      return { accepted: nobody };
    });
    for (const action of ['agent.change', 'memory.import', 'memory.erase', 'memory.erase-exchange'])
      await admit(callOf(action), keyOf('a'), answer(), nobody);
    expect(costs).toEqual([1, 1, 5, 5]);
  });

  test('that would wait for longer is refused', async () => {
    const { admit } = admissionAt(async () => ({ retryAfterMs: 6_000 }));
    await expect(admit(callOf('memory.erase'), keyOf('a'), answer(), nobody)).rejects.toMatchObject({
      status: 429,
      headers: { 'Retry-After': '6' },
      members: { limit: 'share', retryAfterMs: 6_000 },
    });
  });

  test('comes again for a while where a message would be refused', async () => {
    let asked = 0;
    const { admit } = admissionAt(async () => {
      asked += 1;
      return asked < 4 ? { retryAfterMs: 20 } : { accepted: nobody };
    });
    await admit(callOf('agent.change'), keyOf('a'), answer(), nobody);
    expect(asked).toBe(4);
  });
});

test('whoever takes none of his answers is refused the next call before it costs anything, others are not', async () => {
  let counted = 0;
  const { admit } = createAdmission({
    rateLimiter: { countRead: async () => void (counted += 1) },
    pace: async () => ({ accepted: nobody }),
    callsAMinute: 300,
  });
  const notes: string[] = [];
  const call = (action: string, tenantId: string, res = answer()) =>
    admit(callOf(action), keyOf(tenantId), res, () => void notes.push(action));
  const untaken = Object.assign(answer(), { writableLength: 40_000_000 });
  await call('agent.read', 'loud', untaken);
  untaken.emit('prefinish');
  for (const action of ['agent.read', 'agent.change', 'message.send', 'turn.list']) {
    await expect(call(action, 'loud')).rejects.toMatchObject({
      status: 429,
      title: 'Too many unread answers',
      members: { limit: 'share' },
    });
  }
  expect([counted, notes]).toEqual([1, []]);
  await call('agent.read', 'quiet');
  untaken.emit('close');
  await call('agent.change', 'loud');
  expect(notes).toEqual(['agent.change']);
});

describe('at the pace of messages', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  /** How many of so many reads come in, sent in ten seconds beside messages that take long to accept. */
  async function admitted(others: readonly string[], reads: number): Promise<number> {
    const pace = createPace();
    const { admit } = admissionAt(pace);
    const send = async (tenantId: string, takesMs: number): Promise<void> => {
      const entry = await pace(tenantId, PACED_WITHIN_MS);
      if ('retryAfterMs' in entry) return;
      await new Promise((resolve) => setTimeout(resolve, takesMs));
      entry.accepted(takesMs);
    };
    const all: Array<Promise<unknown>> = [];
    let isIn = 0;
    for (const other of others) all.push(send(other, 10));
    await jest.advanceTimersByTimeAsync(1_000);
    for (let i = 0; i < reads; i += 1) {
      for (const other of others) if (i % (reads / 20) === 0) all.push(send(other, 200));
      all.push(
        admit(callOf('agent.read'), keyOf('loud'), answer(), nobody).then(
          () => (isIn += 1),
          () => undefined,
        ),
      );
      await jest.advanceTimersByTimeAsync(10_000 / reads);
    }
    await jest.advanceTimersByTimeAsync(2_000);
    await Promise.all(all);
    return isIn;
  }

  test('a flood of reads is thinned out beside another tenant, and is never stopped', async () => {
    const isIn = await admitted(['quiet'], 1_000);
    expect(isIn).toBeGreaterThan(40);
    expect(isIn).toBeLessThan(400);
  });

  test('whoever is alone reads at once', async () => {
    expect(await admitted([], 1_000)).toBe(1_000);
  });
});

test.each([
  ['long', 20_000, 'user', 600],
  ['short', 20, 'user', 650],
  ['long, while its tenant has its share,', 20_000, 'share', 650],
] as const)('of messages over a limit that are %s so many are read', async (_what, length, limit, read) => {
  const log = pino({ level: 'silent' });
  let taken = 0;
  const app = express();
  app.use(requireTenant({ findKey: async () => keyOf('a'), takePlace: nobody }));
  const { admit } = admissionAt(async () => ({ accepted: nobody }));
  admitKeys(app, TENANT_CALLS, { pool: {} as unknown as pg.Pool, admit });
  app.post('/agents/:agentId/messages', createReadJson(createLongWork())(100_000), () => {
    taken += 1;
    const kind = limit === 'share' ? 'over-share' : 'rate-limited';
    throw problemOf({ kind, limit: 'user', retryAfterMs: 1 });
  });
  app.use(auditRefusals(log), problemHandler(log));
  const server = await serve(app);
  const headers = {
    ...{ authorization: `Bearer konstruct_${'0'.repeat(43)}`, 'content-type': 'application/json' },
  };
  const body = JSON.stringify({ text: 'x'.repeat(length) });
  for (let i = 0; i < 650; i += 1) {
    const { status } = await fetch(`${server.url}/agents/x/messages`, { method: 'POST', headers, body });
    expect(status).toBe(429);
  }
  expect(taken).toBe(read);
  await server.close();
});

test('a request of MCP waits for the pace as a read, and what it does as what it is', async () => {
  let paced = 0;
  let sent = 0;
  const admission = admissionAt(async () => {
    paced += 1;
    return { accepted: nobody };
  });
  const log = pino({ level: 'silent' });
  const dependencies = {
    log,
    acceptHttp: async () => {
      sent += 1;
      throw notFound('agent');
    },
    waiting: { take: () => nobody },
  } as unknown as ToolDependencies;
  const app = express();
  app.use(
    '/mcp',
    mcpRoutes({
      ...dependencies,
      ...admission,
      readJson: createReadJson(createLongWork()),
      findKey: async () => keyOf('a'),
      takePlace: nobody,
    }),
  );
  app.use(problemHandler(log));
  const server = await serve(app);
  const ask = async (method: string, params: object): Promise<number> => {
    paced = 0;
    const headers = {
      ...{ authorization: `Bearer konstruct_${'0'.repeat(43)}`, 'content-type': 'application/json' },
      accept: 'application/json, text/event-stream',
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(`${server.url}/mcp`, { method: 'POST', headers, body });
    expect([method, response.status]).toEqual([method, 200]);
    await response.text();
    return paced;
  };
  const to = { agentId: '00000000-0000-4000-8000-000000000000', userId: 'ada' };
  expect(await ask('tools/list', {})).toBe(1);
  expect(await ask('tools/call', { name: 'list_memories', arguments: { ...to, cursor: 1 } })).toBe(1);
  expect(await ask('tools/call', { name: 'send_message', arguments: { ...to, text: 'Hello' } })).toBe(1);
  expect(sent).toBe(1);
  await server.close();
});
