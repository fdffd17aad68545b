/** What one recall may cost Postgres, and how many of one tenant's are there at once. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { DEFAULT_RECALL } from '../../src/domain/agent.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { recallForTurn } from '../../src/memory/recall/recall-for-turn.ts';
import { toTermVector } from '../../src/memory/text/search-terms.ts';
import { wordsOf } from '../../src/memory/text/terms.ts';
import { memoryOf, startMemories } from '../support/memory.ts';
import { newScope } from '../support/services.ts';

jest.setTimeout(120_000);

let services: Awaited<ReturnType<typeof startMemories>>;
let scope: Scope;
beforeAll(async () => {
  services = await startMemories();
});
afterAll(() => services.stop());
beforeEach(() => {
  scope = newScope();
});

/** Passages with a text's terms, older than whatever is told. */
async function load(passages: number, text: string): Promise<void> {
  await services.database.admin.query(
    `INSERT INTO exchange_passages (tenant_id, agent_id, user_id, exchange_id, created_at, flags, part,
                                    user_from, user_to, reply_from, reply_to, embedding, terms)
     SELECT $1, $2, $3, gen_random_uuid(), timestamptz '2025-01-01' + n * interval '1 second', 0, 0, 0, 0, 0, 0,
            array_fill(0.05::real, ARRAY[384])::vector::halfvec, $4::sparsevec
     FROM generate_series(1, $5::int) n`,
    [scope.tenantId, scope.agentId, scope.userId, toTermVector(wordsOf(text, 'stored')), passages],
  );
  await services.database.admin.query('ANALYZE exchange_passages');
}

/** Different words of eight letters and digits. */
const wordsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => `w${(7_919 * (first + i)).toString(36)}xyz`).join(' ');

/** As a turn asks, with all the time that it takes: what is compared doesn't depend on the machine. */
async function ask(text: string, until: { hasTime?: () => boolean; signal?: AbortSignal } = {}) {
  const embedding = await services.embedder.embed(text, { ...scope, priority: 'query' });
  const recollection = await recallForTurn(services.pool, {
    message: { ...scope, ...MESSAGE, text },
    ...{ agentName: 'Mara', settings: DEFAULT_RECALL, roomTokens: 2_000, window: [], embedding, ...until },
  });
  return { ...recollection, texts: recollection.recalled.map(({ content }) => content) };
}
const MESSAGE = {
  ...{ messageId: randomUUID(), channel: { name: 'http' }, receivedAt: '2026-11-20T09:00:00Z' },
  ...{ seq: 1, turnsAhead: 0 },
};
const FACT = 'My sister lives in Graz.';
const QUESTION = 'Where does my sister live?';

test('nothing is said of a memory that is compared in whole', async () => {
  await memoryOf(services, scope).tell({ user: FACT });
  await load(5_000, 'nothing of it');
  const found = await ask(QUESTION);
  expect(found.texts).toContain(FACT);
  expect(found).not.toHaveProperty('comparedNewest');
});

test('of more passages than are compared the newest answer, and it is said how many', async () => {
  await memoryOf(services, scope).tell({ user: FACT });
  await load(50_100, 'nothing of it');
  const found = await ask(QUESTION);
  expect(found.texts).toContain(FACT);
  expect(found.comparedNewest).toBe(50_000);
});

test('a long message to a memory of long texts compares far fewer', async () => {
  await memoryOf(services, scope).tell({ user: FACT });
  await load(12_500, wordsFrom(0, 360));
  expect(await ask(QUESTION)).not.toHaveProperty('comparedNewest');
  // The bound is met within the third slice.
  expect((await ask(`${QUESTION} ${wordsFrom(1_000, 400)}`)).comparedNewest).toBe(12_000);
});

test('however many ask at once, a tenant alone takes six connections', async () => {
  const memory = memoryOf(services, scope);
  await memory.tell({ user: FACT });
  // Each takes long enough for the others to come.
  await load(10_000, 'nothing of it');
  let [taken, most] = [0, 0];
  services.pool.on('acquire', () => (most = Math.max(most, (taken += 1))));
  services.pool.on('release', () => (taken -= 1));
  const asked = await Promise.all(Array.from({ length: 30 }, () => memory.ask(QUESTION)));
  expect(asked.map(({ found }) => found)).toEqual(asked.map(() => [FACT]));
  expect(most).toBe(6);
});

test('a recall that nobody waits for any more ends, and gives its connection back', async () => {
  await memoryOf(services, scope).tell({ user: FACT });
  await load(10_000, 'nothing of it');
  const abort = new AbortController();
  // Asked after the first slice.
  const hasTime = () => {
    abort.abort(new Error('gone'));
    return true;
  };
  let free = false;
  services.pool.once('release', () => (free = true));
  await expect(ask(QUESTION, { hasTime, signal: abort.signal })).rejects.toThrow('gone');
  expect(free).toBe(true);
});
