/** Pages of lists end at a bound of bytes, and nothing of a list is lost. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAgent, listAgents } from '../../src/db/agents.ts';
import { PAGE_BYTES } from '../../src/db/page.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { insertMemories, listMemories } from '../../src/memory/long-term/memories.ts';
import { appendMessage, getNewest } from '../../src/memory/window/window.ts';
import { createTestTenant } from '../support/services.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

/** The longest text that a client can send, of about 96 kB. */
const LONG = '漢'.repeat(32_000);
const ROW_BYTES = 100_000;
/** The rows that fill a page. */
const FULL = 11;

/** The ids on all pages of a list. No page is larger than the bound and the row that reaches it. */
async function idsByPage(path: string, apiKey: string, rowsOf: (body: object) => Array<{ id: string }>) {
  const pages: string[][] = [];
  let cursor: unknown = '';
  do {
    const at = `${path}?limit=200${cursor === '' ? '' : `&cursor=${String(cursor)}`}`;
    const headers = { authorization: `Bearer ${apiKey}` };
    const { status, body } = await system.request('GET', at, undefined, headers);
    expect(status).toBe(200);
    const rows = rowsOf(body);
    expect(Buffer.byteLength(JSON.stringify(rows))).toBeLessThan(PAGE_BYTES + ROW_BYTES);
    pages.push(rows.map(({ id }) => id));
    cursor = body['nextCursor'];
  } while (cursor !== null);
  return pages;
}

test('agents: full pages, each agent once, and no more of them leave the database', async () => {
  const { pool } = system.database;
  const { tenantId, apiKey, agent } = await createTestTenant(pool);
  const ids = await inTenant(pool, tenantId, async (client) => {
    const made: string[] = [];
    for (let i = 0; i < 24; i += 1)
      made.push((await createAgent(client, tenantId, randomUUID(), { name: 'L', systemPrompt: LONG })).id);
    return made.toSorted();
  });
  const pages = await idsByPage(
    '/v1/agents',
    apiKey,
    (body) => (body as { agents: Array<{ id: string }> }).agents,
  );
  expect(pages.flat()).toEqual([agent.id, ...ids]);
  expect(pages.map(({ length }) => length)).toEqual([FULL + 1, FULL, 2]);
  expect(await listAgents(pool, tenantId, { limit: 201 })).toHaveLength(FULL + 2);
});

test('memories: full pages and a full window, each memory once', async () => {
  const { pool } = system.database;
  const { tenantId, apiKey, agent } = await createTestTenant(pool);
  const scope = { tenantId, agentId: agent.id, userId: 'writer' };
  const embedding = Array.from({ length: 384 }, (_, i) => (i === 0 ? 1 : 0));
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
  const ids = Array.from({ length: 2 * FULL }, () => randomUUID());
  for (const [i, id] of ids.entries()) {
    const row = { id, role: 'user', content: LONG, embedding, createdAt: at(-i) } as const;
    await inTenant(pool, tenantId, (client) =>
      insertMemories(client, { ...scope, exchangeId: randomUUID() }, [row]),
    );
  }
  for (let i = 0; i < 20; i += 1)
    await appendMessage(system.redis, tenantId, agent.id, scope.userId, 'user', `${i} ${LONG}`);

  const path = `/v1/agents/${agent.id}/users/${scope.userId}/memory`;
  const windows: string[][] = [];
  const pages = await idsByPage(path, apiKey, (body) => {
    const { window, memories } = body as {
      window: Array<{ content: string }>;
      memories: Array<{ id: string }>;
    };
    windows.push(window.map(({ content }) => content.split(' ')[0] ?? ''));
    return memories;
  });
  expect(pages.flat()).toEqual(ids);
  expect(pages.map(({ length }) => length)).toEqual([FULL, FULL]);
  const newest = Array.from({ length: FULL }, (_, i) => `${20 - FULL + i}`);
  expect(windows).toEqual([newest, newest]);
  expect(await listMemories(pool, scope, { limit: 201 })).toHaveLength(FULL + 1);
});

test('of a window of long messages no more leaves Redis than a list shows', async () => {
  const { pool } = system.database;
  const { tenantId, agent } = await createTestTenant(pool);
  const scope = { tenantId, agentId: agent.id, userId: 'writer' };
  for (let i = 0; i < 6; i += 1)
    await appendMessage(
      system.redis,
      tenantId,
      agent.id,
      scope.userId,
      'user',
      `${i} ${'x'.repeat(3_000_000)}`,
    );
  const found = async (maxBytes: number) =>
    (await getNewest(system.redis, scope, maxBytes)).map(({ content }) => content.split(' ')[0]);
  expect(await found(1)).toEqual(['5']);
  expect(await found(4_000_000)).toEqual(['4', '5']);
  expect(await found(100_000_000)).toEqual(['0', '1', '2', '3', '4', '5']);
  expect(await getNewest(system.redis, { ...scope, userId: 'nobody' }, 1)).toEqual([]);
});
