/** The texts of passages: cut as they always were, and bounded in bytes whatever lies in the rows. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { findTexts, newTextBudget, passageKey } from '../../src/memory/recall/passage-texts.ts';
import { createTestDatabase, newScope, type TestDatabase } from '../support/services.ts';

let database: TestDatabase;
let scope: Scope;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => {
  scope = newScope();
});

const VECTOR = `[1${',0'.repeat(383)}]`;
type Wanted = { exchangeId: string; part: number };

/** Stores a message of the user with one passage, as any program may have. */
async function stored(text: string, [from, to]: readonly [number, number]): Promise<Wanted> {
  const [exchangeId, id] = [randomUUID(), randomUUID()];
  const place = [scope.tenantId, scope.agentId, scope.userId, exchangeId, id];
  await database.admin.query(
    `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, exchange_id, id, role, content, embedding)
     VALUES ($1, $2, $3, $4, $5, 'user', $6, $7::vector)`,
    [...place, text, VECTOR],
  );
  await database.admin.query(
    `INSERT INTO exchange_passages (tenant_id, agent_id, user_id, exchange_id, created_at, flags, part, user_memory,
                                    user_from, user_to, reply_from, reply_to, embedding, terms)
     VALUES ($1, $2, $3, $4, now(), 0, 0, $5, $6, $7, 0, 0, $8::halfvec, '{}/1000000000')`,
    [...place, from, to, VECTOR],
  );
  return { exchangeId: exchangeId.replaceAll('-', ''), part: 0 };
}

/** The user's texts as far as they were found, and the bytes that Postgres has sent for them. */
async function textsOf(wanted: readonly Wanted[], budget = newTextBudget()) {
  const { bytesLeft } = budget;
  const texts = await inTenant(database.pool, scope.tenantId, (client) =>
    findTexts(client, scope, wanted, budget, VECTOR),
  );
  return {
    texts: wanted.map((each) => texts.get(passageKey(each))?.user?.content),
    bytes: bytesLeft - budget.bytesLeft,
  };
}

const unit = fc.constantFrom('a', ' ', '\n', 'ß', '漢', '\uffff', '\u{1f469}', '\u{10ffff}');

test('a span is cut by UTF-16 units, whatever characters stand before it', async () => {
  const cases = fc.array(fc.tuple(fc.array(unit, { maxLength: 30 }), fc.nat(30), fc.nat(30)), {
    minLength: 60,
    maxLength: 60,
  });
  const [told = []] = fc.sample(cases, { numRuns: 1, seed: 19 });
  const spans = told.map(([characters, first, second]) => {
    const unitsTo = (count: number) => characters.slice(0, count).join('').length;
    return {
      text: characters.join(''),
      from: unitsTo(Math.min(first, second)),
      to: unitsTo(Math.max(first, second)),
    };
  });
  const wanted = [];
  for (const { text, from, to } of spans) wanted.push(await stored(text, [from, to]));
  const expected = spans.map(({ text, from, to }) => {
    const piece = text.slice(from, to).trim();
    return piece === '' ? undefined : `${from > 0 ? '… ' : ''}${piece}${to < text.length ? ' …' : ''}`;
  });
  expect(expected.filter((text) => text !== undefined).length).toBeGreaterThan(20);
  expect((await textsOf(wanted)).texts).toEqual(expected);
});

test.each([
  ['of ASCII', 'a. '],
  ['with characters beyond U+FFFF', '\u{1f469} '],
])('rows of 4 MB %s send no more than a search may look at', async (_, word) => {
  const text = `My boat is called Maria. ${word.repeat(4_000_000 / Buffer.byteLength(word))}`;
  const wanted = [];
  for (let i = 0; i < 6; i += 1) wanted.push(await stored(text, [0, text.length]));
  const { texts, bytes } = await textsOf(wanted);
  // The last one that fits may go beyond: a text's beginning, of four bytes a character at most.
  expect(bytes).toBeLessThan(500_000 + 800_000);
  expect(texts[0]).toMatch(/^My boat is called Maria\..* …$/u);
  for (const found of texts) expect(found?.length ?? 0).toBeLessThanOrEqual(5_002);
});

test('the best come first: what is beyond the budget is not fetched', async () => {
  const wanted = [];
  for (let i = 0; i < 5; i += 1) wanted.push(await stored('x'.repeat(1_000), [0, 1_000]));
  const budget = { bytesLeft: 2_500 };
  const { texts, bytes } = await textsOf(wanted, budget);
  expect([texts.map((text) => text?.length), bytes]).toEqual([
    [1_000, 1_000, 1_000, undefined, undefined],
    3_000,
  ]);
  expect((await textsOf(wanted, budget)).texts).toEqual(wanted.map(() => undefined));
});
