/** What is forgotten comes back by no import that was under way; what is imported afterwards stays. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { SYSTEM } from '../../src/db/audit.ts';
import type { ErasureReceipt } from '../../src/domain/erasure.ts';
import { FAILURE } from '../../src/domain/failures.ts';
import { createLongWork } from '../../src/lib/long-work.ts';
import { acceptImport } from '../../src/intake/accept-import.ts';
import { appendTurn, getWindow } from '../../src/memory/window/window.ts';
import { memoryShortKey } from '../../src/redis/keys.ts';
import { createApiClient, type Answer } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { placesOf, type Stores } from '../support/every-store.ts';
import { memoryOf } from '../support/memory.ts';
import { startSystem, type System } from '../support/system.ts';
import {
  emptyPlace,
  exported,
  imported,
  linesOf,
  sendImport,
  textsOf,
  type Place,
} from '../support/transfer.ts';

// The server deletes executions in its own time, half a minute and more.
jest.setTimeout(240_000);

/** Texts whose embedding waits until the test lets it go on, and those that do wait. */
const held = new Map<string, Promise<void>>();
const waiting = new Set<string>();

let system: System & { admin: Stores['admin'] };
beforeAll(async () => {
  const started = await startSystem({
    worker: {
      embedder: (real) => ({
        ...real,
        embed: async (text, request) => {
          if (held.has(text)) waiting.add(text);
          await held.get(text);
          return real.embed(text, request);
        },
      }),
    },
  });
  system = { ...started, admin: started.database.admin };
});
afterAll(() => system.stop());

const word = () => `word${randomUUID().replaceAll('-', '')}`;
const newPlace = () => emptyPlace(system.database.pool);
const clientOf = ({ caller }: Place) => createApiClient({ baseUrl: system.baseUrl, ...caller });
const exportOf = ({ caller, scope }: Place, query = '') => exported(system, caller, scope.userId, query);
const importInto = ({ caller, scope }: Place, file: string) => imported(system, caller, scope.userId, file);
const send = ({ caller, scope }: Place, file: string) => sendImport(system, caller, scope.userId, file);
const windowOf = async ({ scope }: Place) =>
  (await getWindow(system.redis, scope)).map(({ content }) => content);
const remembered = async (place: Place) =>
  linesOf(await exportOf(place)).flatMap(({ messages }) => textsOf(messages) ?? []);

const forget = (place: Place, exchangeId?: string): Promise<Answer> => {
  const { agentId, userId } = place.scope;
  const path = `/v1/agents/${agentId}/users/${encodeURIComponent(userId)}/memory`;
  return clientOf(place).request('DELETE', exchangeId === undefined ? path : `${path}/${exchangeId}`);
};
async function finished(place: Place, { status, body }: Answer): Promise<ErasureReceipt> {
  expect([200, 202]).toContain(status);
  return eventually(
    async () => {
      const found = await clientOf(place).request('GET', `/v1/erasures/${String(body['erasureId'])}`);
      const receipt = found.body as unknown as ErasureReceipt;
      return receipt.finishedAt !== null && receipt;
    },
    { timeoutMs: 200_000, what: 'the receipt' },
  );
}

/** The file of a memory with these exchanges, which stand in the window too; without embeddings. */
async function fileWith(...texts: string[]): Promise<{ place: Place; file: string; ids: string[] }> {
  const place = await newPlace();
  const memory = memoryOf({ ...system, pool: system.database.pool }, place.scope);
  const told = await memory.tell(...texts.map((user) => ({ user, reply: `Noted: ${user}` })));
  for (const [index, { messageId, text }] of told.entries()) {
    const turn = { seq: index + 1, messageId, userText: text, replyText: `Noted: ${text}` };
    await appendTurn(system.redis, place.scope, turn);
  }
  return {
    place,
    file: await exportOf(place, '?embeddings=false'),
    ids: told.map(({ messageId }) => messageId),
  };
}

/** Sends a file whose import waits for the embedding of a text. The result lets it go on. */
async function heldImport(place: Place, file: string, text: string) {
  let letGo: () => void = () => undefined;
  held.set(text, new Promise<void>((resolve) => (letGo = resolve)));
  const { status, body } = await send(place, file);
  expect(status).toBe(202);
  await eventually(() => waiting.has(text));
  const run = system.temporal.workflow.getHandle(
    `${place.scope.tenantId}:import:${String(body['importId'])}`,
  );
  return { letGo, run };
}

test('an import under way stores nothing of what is forgotten meanwhile, and leaves none of it', async () => {
  const planted = word();
  const { place: old, file } = await fileWith(`My secret is ${planted}`, 'Held back');
  const fresh = await newPlace();
  const { letGo, run } = await heldImport(fresh, file, 'Held back');
  await finished(old, await forget(old));
  const receipt = await finished(fresh, await forget(fresh));
  const stores = { ...system, tenantId: fresh.scope.tenantId };
  expect(await placesOf(stores, planted)).toEqual([]);
  letGo();
  // It looks for its rows for a minute.
  await expect(run.result()).rejects.toMatchObject({ cause: { cause: { type: FAILURE.importNotThere } } });
  expect(await placesOf(stores, planted)).toEqual([]);
  expect([await remembered(fresh), await windowOf(fresh)]).toEqual([[], []]);
  const { rows } = await system.admin.query(
    `SELECT action, counts FROM audit_entries WHERE target_id = $1 AND action = 'import.delete'`,
    [receipt.erasureId],
  );
  expect(rows).toEqual([{ action: 'import.delete', counts: { imports: 1, lines: 2, windows: 0 } }]);
});

test('while a memory is being forgotten it takes no import; one that comes afterwards is kept', async () => {
  const { file } = await fileWith('My sister lives in Graz');
  const fresh = await newPlace();
  await clientOf(fresh).say('To be forgotten', { userId: fresh.scope.userId });
  const asked = await forget(fresh);
  expect(
    (await clientOf(fresh).request('GET', `/v1/erasures/${String(asked.body['erasureId'])}`)).body,
  ).toMatchObject({ finishedAt: null });
  expect(await send(fresh, file)).toMatchObject({ status: 409, body: { title: 'Being forgotten' } });
  await finished(fresh, asked);
  expect(await importInto(fresh, file)).toMatchObject({ stored: 1 });
  const texts = ['My sister lives in Graz', 'Noted: My sister lives in Graz'];
  expect([await remembered(fresh), await windowOf(fresh)]).toEqual([texts, texts]);
  // A worker that hung until now drops what it appends late, and nothing else.
  const late = { seq: 1, messageId: randomUUID(), userText: 'late', replyText: 'late' };
  expect(await appendTurn(system.redis, fresh.scope, late)).toBe(false);
  expect(await windowOf(fresh)).toEqual(texts);
});

test.each([
  ['everything', () => undefined],
  ['one exchange', (ids: string[]) => ids[0]],
])('a file that comes while %s is forgotten is refused, however fast that was', async (_, exchangeOf) => {
  const { place, file, ids } = await fileWith('first', 'second');
  const half = Math.floor(file.length / 2);
  const body = (async function* () {
    yield Buffer.from(file.slice(0, half));
    await finished(place, await forget(place, exchangeOf(ids)));
    yield Buffer.from(file.slice(half));
  })();
  const outcome = await acceptImport(
    { pool: system.database.pool, longWork: createLongWork(), ...system },
    place.scope,
    { body },
    SYSTEM,
  );
  expect(outcome).toEqual({ kind: 'forgotten' });
  const { rows } = await system.admin.query(
    `SELECT id FROM memory_imports WHERE tenant_id = $1 UNION ALL
     SELECT import_id FROM memory_import_lines WHERE tenant_id = $1`,
    [place.scope.tenantId],
  );
  expect(rows).toEqual([]);
});

test('one exchange that is forgotten comes back by no import under way, and its other exchanges come', async () => {
  const planted = word();
  const { place, file, ids } = await fileWith(planted, 'second', 'Held too');
  // Gone from memory, as by retention; the import would bring all of it.
  const { tenantId, agentId, userId } = place.scope;
  for (const table of ['exchange_passages', 'conversation_embeddings'])
    await system.admin.query(`DELETE FROM ${table} WHERE tenant_id = $1 AND exchange_id <> $2`, [
      tenantId,
      ids[1],
    ]);
  await system.redis.del(memoryShortKey(tenantId, agentId, userId));
  const { letGo, run } = await heldImport(place, file, 'Held too');
  await finished(place, await forget(place, ids[0]));
  letGo();
  expect(await run.result()).toEqual({ exchanges: 3, stored: 1 });
  const texts = ['second', 'Noted: second', 'Held too', 'Noted: Held too'];
  expect([await remembered(place), await windowOf(place)]).toEqual([texts, texts]);
  expect(await placesOf({ ...system, tenantId }, planted)).toEqual([]);
});

test('an imported window loses one exchange, and then all of it', async () => {
  const { file } = await fileWith('first', 'second');
  const fresh = await newPlace();
  await importInto(fresh, file);
  expect(await windowOf(fresh)).toEqual(['first', 'Noted: first', 'second', 'Noted: second']);
  const [first] = await getWindow(system.redis, fresh.scope);
  const one = await finished(fresh, await forget(fresh, first?.messageId));
  expect(one.removed).toMatchObject({ window: 2, memories: 2, passages: 1 });
  expect([await remembered(fresh), await windowOf(fresh)]).toEqual([
    ['second', 'Noted: second'],
    ['second', 'Noted: second'],
  ]);
  const all = await finished(fresh, await forget(fresh));
  expect(all.removed).toMatchObject({ window: 2, memories: 2, passages: 1 });
  expect([await remembered(fresh), await windowOf(fresh)]).toEqual([[], []]);
});

test('an entry of the audit log says who took a memory along and who brought one, and of whom', async () => {
  const { place, file } = await fileWith('first');
  await importInto(place, file);
  const { rows } = await system.admin.query(
    `SELECT action, actor_type, target_type, outcome, counts FROM audit_entries
     WHERE tenant_id = $1 AND action LIKE 'memory.%' ORDER BY created_at`,
    [place.scope.tenantId],
  );
  const entry = { actor_type: 'api-key', target_type: 'memory', outcome: 'done' };
  expect(rows).toEqual([
    { ...entry, action: 'memory.export', counts: {} },
    { ...entry, action: 'memory.import', counts: { exchanges: 1, windowMessages: 2 } },
  ]);
});
