/** What exports and imports may take of the API at a time, whoever asks for them. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { issueApiKey } from '../../src/db/api-keys.ts';
import { createPool } from '../../src/db/pool.ts';
import { importMemoryWorkflowId } from '../../src/domain/ids.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { exportMemory } from '../../src/memory/transfer/export-memory.ts';
import { statusOf } from '../../src/temporal/status.ts';
import { eventually } from '../support/eventually.ts';
import { asRole } from '../support/services.ts';
import { startSystem, type System } from '../support/system.ts';
import { emptyPlace, linesOf, sendImport, type Place } from '../support/transfer.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

/** Fills a scope with exchanges of one message, as another program may have stored them. */
async function fill(
  { tenantId, agentId, userId }: Scope,
  exchanges: number,
  characters: number,
): Promise<void> {
  await system.database.admin.query(
    `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, exchange_id, role, content, embedding, created_at)
     SELECT $1, $2, $3, gen_random_uuid(), 'assistant', repeat('x', $5::int), $6::vector,
            '2026-01-01'::timestamptz + make_interval(secs => i)
     FROM generate_series(1, $4::int) i`,
    [tenantId, agentId, userId, exchanges, characters, `[1${',0'.repeat(383)}]`],
  );
}

const exportPath = ({ scope }: Place) =>
  `${system.baseUrl}/v1/agents/${scope.agentId}/users/${encodeURIComponent(scope.userId)}/memory/export`;

test('a page of an export ends when it is full, and nothing of the memory is lost', async () => {
  const { scope } = await emptyPlace(system.database.pool);
  await fill(scope, 30, 200_000);
  const api = createPool({
    databaseUrl: asRole('api', system.database.url),
    max: 1,
    statementTimeoutMs: 5_000,
  });
  const pages: number[] = [];
  api.on('connect', (client) => {
    const query = client.query.bind(client) as (
      asked: unknown,
    ) => Promise<{ rows: Array<{ content: string }> }>;
    const counted = async (asked: { name?: string }) => {
      const result = await query(asked);
      if (asked.name === 'export-messages')
        pages.push(result.rows.reduce((sum, { content }) => sum + content.length, 0));
      return result;
    };
    Object.assign(client, { query: counted });
  });
  const lines = [];
  const options = { window: [], embeddings: true, toCursor: () => 'unused' };
  for await (const line of exportMemory(api, scope, options)) lines.push(line.length);
  await api.end();
  expect(lines).toHaveLength(32);
  expect(pages.reduce((sum, bytes) => sum + bytes, 0)).toBe(30 * 200_000);
  expect(Math.max(...pages)).toBeLessThanOrEqual(1_200_000);
});

test('the commands of PRIVACY take all of a memory along that is longer than a part', async () => {
  const place = await emptyPlace(system.database.pool);
  const ada = { ...place.scope, userId: 'ada' };
  await fill(ada, 100, 200_000);
  const privacy = await readFile(new URL('../../docs/PRIVACY.md', import.meta.url), 'utf8');
  const [, commands = ''] = /```sh\n([^`]*\$OLD\/v1[^`]*)```/.exec(privacy) ?? [];
  const cwd = await mkdtemp(path.join(os.tmpdir(), 'konstruct-export-'));
  try {
    const env = { OLD: system.baseUrl, OLD_KEY: place.caller.apiKey, OLD_AGENT: place.caller.agentId };
    await promisify(execFile)('sh', ['-c', commands], { cwd, env: { ...process.env, ...env } });
    const files = await Promise.all(
      (await readdir(cwd)).toSorted().map((name) => readFile(path.join(cwd, name), 'utf8')),
    );
    const exchanges = files.flatMap(linesOf).filter(({ type }) => type === 'exchange');
    expect(new Set(exchanges.map(({ id }) => id)).size).toBe(100);
    expect(files.map((file) => linesOf(file).at(-1)?.['nextCursor'])).toEqual([expect.any(String), null]);
  } finally {
    await rm(cwd, { recursive: true });
  }
});

test('exports that nobody reads: a tenant has four', async () => {
  const place = await emptyPlace(system.database.pool);
  // More than the sockets hold.
  await fill(place.scope, 150, 100_000);
  const headers = { authorization: `Bearer ${place.caller.apiKey}` };
  const unread = await Promise.all(Array.from({ length: 4 }, () => fetch(exportPath(place), { headers })));
  expect(unread.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const reads = jest.spyOn(system.redis, 'lrange');
  const fifth = await fetch(exportPath(place), { headers });
  // Nothing is read for one that finds no place.
  expect(reads).not.toHaveBeenCalled();
  reads.mockRestore();
  expect([fifth.status, fifth.headers.get('retry-after')]).toEqual([429, '10']);
  await Promise.all([fifth.body?.cancel(), ...unread.map(({ body }) => body?.cancel())]);
});

test('files that are refused count as imports of their tenant for a while', async () => {
  const { caller, scope } = await emptyPlace(system.database.pool);
  const statuses = [];
  for (let i = 0; i < 5; i += 1)
    statuses.push((await sendImport(system, caller, scope.userId, '{}\n')).status);
  expect(statuses).toEqual([400, 400, 400, 400, 429]);
  const other = await emptyPlace(system.database.pool);
  expect((await sendImport(system, other.caller, other.scope.userId, '{}\n')).status).toBe(400);
});

test('so do files that were read and had no place in the end; one that was refused unread costs nothing', async () => {
  const { caller, scope } = await emptyPlace(system.database.pool);
  const underWay = (finished: boolean) =>
    system.database.admin.query(
      finished
        ? `UPDATE memory_imports SET finished_at = now() WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3`
        : `INSERT INTO memory_imports (tenant_id, id, agent_id, user_id, exchanges)
           SELECT $1, gen_random_uuid(), $2, $3, 0 FROM generate_series(1, 4)`,
      [scope.tenantId, scope.agentId, scope.userId],
    );
  await underWay(false);
  const send = (body: string | ReadableStream<Buffer>) => sendImport(system, caller, scope.userId, body);
  for (let i = 0; i < 5; i += 1) expect((await send('{}\n')).status).toBe(409);
  await underWay(true);
  // The end of an empty memory's file comes late.
  const headers = { authorization: `Bearer ${caller.apiKey}` };
  const lines = (await (await fetch(exportPath({ caller, scope }), { headers })).text()).split('\n');
  let begun = 0;
  let goOn = (): void => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const file = async function* () {
    yield Buffer.from(`${lines[0]}\n`);
    begun += 1;
    await held;
    yield Buffer.from(lines.slice(1).join('\n'));
  };
  const sent = Array.from({ length: 4 }, () => send(ReadableStream.from(file())));
  await eventually(() => begun === 4);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await underWay(false);
  goOn();
  const statuses = (await Promise.all(sent)).map(({ status }) => status);
  expect(statuses).toEqual([409, 409, 409, 409]);
  expect((await send('{}\n')).status).toBe(429);
});

test('whoever may only read starts nothing by looking an import up', async () => {
  const { caller, scope } = await emptyPlace(system.database.pool);
  const importId = randomUUID();
  await system.database.admin.query(
    'INSERT INTO memory_imports (tenant_id, id, agent_id, user_id, exchanges) VALUES ($1, $2, $3, $4, 0)',
    [scope.tenantId, importId, scope.agentId, scope.userId],
  );
  const reader = await issueApiKey(system.database.operator, scope.tenantId, { role: 'read' });
  const lookUp = async (apiKey = '') => {
    const headers = { authorization: `Bearer ${apiKey}` };
    const { body } = await system.request('GET', `/v1/imports/${importId}`, undefined, headers);
    return [body['state'], await statusOf(system.temporal, importMemoryWorkflowId(scope.tenantId, importId))];
  };
  expect(await lookUp(reader?.apiKey)).toEqual(['running', undefined]);
  const [state, status] = await lookUp(caller.apiKey);
  expect(state).toBe('running');
  expect(status).not.toBeUndefined();
});
