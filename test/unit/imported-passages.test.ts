/** What a file says of passages counts where we would cut them so: recall relies on their length. */
import { describe, expect, test } from '@jest/globals';
import { derive } from '../../src/memory/long-term/derive.ts';
import { DERIVED_VERSION, VECTORS_SINCE } from '../../src/memory/long-term/derived-version.ts';
import type { Embed } from '../../src/memory/long-term/exchange-passages.ts';
import { embedExchange } from '../../src/memory/transfer/store-imported.ts';
import { splitExchange } from '../support/passages.ts';

const ID = '5f2a6e55-449c-42ef-afce-839bc30fc4a9';
const OWNER = { tenantId: 'a', userId: 'u' };
const AT = '2026-01-01T00:00:00.000Z';
const LONG = Array.from(
  { length: 40 },
  (_, i) => `On day ${i} we walked along the river, and it rained.`,
).join(' ');
/** Of a reply that isn't there nothing is stored. */
const CUTS = splitExchange(LONG, '').filter(({ user }) => user.to > user.from);
type Passages = NonNullable<Parameters<typeof embedExchange>[1]['passages']>;
const GIVEN = Float32Array.of(1);

/** An exchange of a file: the vector of everything is [1]. */
async function imported(passages: Passages) {
  const asked: string[] = [];
  const by: Embed = {
    tenantId: OWNER.tenantId,
    embed: async (one) => (asked.push(one), [2]),
    embedParts: async (parts) => (asked.push(...parts), { whole: [2], parts: parts.map(() => [2]) }),
  };
  const message = { role: 'user' as const, at: AT, text: LONG, embedding: GIVEN };
  const { passages: kept } = await embedExchange(
    OWNER,
    { type: 'exchange', id: ID, messages: [message], passages },
    by,
  );
  return { kept, asked };
}
const cutAsHere = (version?: number): Passages =>
  CUTS.map(({ user, reply }, part) => ({
    ...{ part, user: [user.from, user.to], reply: [reply.from, reply.to], embedding: GIVEN },
    ...(version !== undefined && { version }),
  }));

test('vectors of the same cuts are kept, and the model is not asked', async () => {
  const { kept, asked } = await imported(cutAsHere(DERIVED_VERSION));
  expect(kept.length).toBeGreaterThan(5);
  expect([asked, kept.map(({ embedding }) => embedding)]).toEqual([[], kept.map(() => [1])]);
});

describe('cut and embedded anew', () => {
  const whole: Passages[number] = {
    ...{ part: 0, user: [0, LONG.length], reply: [0, 0], embedding: GIVEN, version: DERIVED_VERSION },
  };
  test.each<[string, Passages]>([
    ['one that is all of a long text', [whole]],
    ['the same over and over', Array.from({ length: 100 }, (_, part) => ({ ...whole, part }))],
    ['those of which one is missing', cutAsHere(DERIVED_VERSION).slice(1)],
    ['those of vectors that are no longer made so', cutAsHere(VECTORS_SINCE - 1)],
    ['those that say no version', cutAsHere()],
  ])('is %s', async (_what, passages) => {
    const { kept, asked } = await imported(passages);
    expect(asked.join('')).toBe(LONG);
    expect(kept).toEqual(CUTS.map((cut) => ({ ...cut, embedding: [2] })));
  });
});

test('others have their turns while a long exchange is derived', async () => {
  let turns = 0;
  const ticking = setInterval(() => (turns += 1), 0);
  const passages = Array.from({ length: 20 }, () => CUTS).flat();
  await derive(OWNER, { user: LONG, reply: '', createdAt: new Date(AT), passages });
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(2);
});
