import { randomBytes } from 'node:crypto';
import { describe, expect, jest, test } from '@jest/globals';
import { fairLookup, MOST_UNSEEN, sparingLookup, type FindKey } from '../../src/api/key-lookup.ts';
import { hashOfKey, type FoundApiKey } from '../../src/db/api-keys.ts';
import { OverShareError } from '../../src/db/pool.ts';

const newKey = () => `konstruct_${randomBytes(32).toString('base64url')}`;

const FOUND: FoundApiKey = { tenantId: 't', id: 'k', name: '', role: 'admin', firstId: 'k' };

function counted(known: ReadonlySet<string>) {
  const asked: string[] = [];
  const time = { now: 0 };
  const find = sparingLookup(
    (hash) => {
      const key = hash.toString();
      asked.push(key);
      return Promise.resolve(known.has(key) ? FOUND : undefined);
    },
    () => time.now,
  );
  return { asked, time, find: (key: string) => find(Buffer.from(key), '192.0.2.1') };
}

test('what can’t be a key has no hash to be looked up by', () => {
  for (const text of [
    '',
    'x',
    'konstruct_',
    `${newKey()}x`,
    newKey().slice(1),
    `konstruct_${' '.repeat(43)}`,
  ])
    expect(hashOfKey(text)).toBeUndefined();
  expect(hashOfKey(newKey())).toHaveLength(32);
});

test('a miss is remembered for a while, a find never', async () => {
  const [known, unknown] = [newKey(), newKey()];
  const { asked, time, find } = counted(new Set([known]));
  for (let i = 0; i < 3; i += 1) {
    expect(await find(known)).toBe(FOUND);
    expect(await find(unknown)).toBeUndefined();
  }
  expect(asked.filter((key) => key === known)).toHaveLength(3);
  expect(asked.filter((key) => key === unknown)).toHaveLength(1);
  time.now = 60_000;
  await find(unknown);
  expect(asked.filter((key) => key === unknown)).toHaveLength(2);
});

test('only so many misses are remembered', async () => {
  const { asked, find } = counted(new Set());
  const first = newKey();
  await find(first);
  for (let i = 0; i < 10_000; i += 1) await find(newKey());
  await find(first);
  expect(asked.filter((key) => key === first)).toHaveLength(2);
});

describe('keys are looked up in turns', () => {
  /** Answers of the database that the test gives, and who waits for a connection of which tenant. */
  function database(known: Set<string>) {
    const asked: Array<{ key: string; answer: () => void }> = [];
    const shares: string[] = [];
    const findKey: FindKey = fairLookup(
      (hash) =>
        new Promise((resolve) => {
          const key = hash.toString();
          asked.push({ key, answer: () => resolve(known.has(key) ? FOUND : undefined) });
        }),
      (tenantId, work) => {
        shares.push(tenantId);
        return work();
      },
    );
    const find = (key: string, network: string, isOf?: (tenantId: string) => void) =>
      findKey(Buffer.from(key), network, isOf);
    const answerAll = async (): Promise<void> => {
      for (let next = asked.shift(); next; next = asked.shift()) {
        next.answer();
        await settled();
      }
    };
    return { known, asked, shares, find, answerAll };
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  test('those of a stranger beside each other two at a time, and of too many the rest is refused at once', async () => {
    const { asked, find, answerAll } = database(new Set());
    const refused: unknown[] = [];
    const flood = Array.from({ length: 1_000 }, () =>
      find(newKey(), 'stranger').catch((error: unknown) => void refused.push(error)),
    );
    await settled();
    expect(asked).toHaveLength(2);
    expect(refused).toHaveLength(800);
    expect(refused[0]).toMatchObject({ status: 429, headers: { 'Retry-After': '1' } });
    await answerAll();
    expect(await Promise.all(flood)).toEqual(Array<undefined>(1_000).fill(undefined));
    // Then there is room again.
    const one = find(newKey(), 'stranger');
    await settled();
    await answerAll();
    expect(await one).toBeUndefined();
  });

  test('nor do more wait for what one of them finds out than there are places for', async () => {
    const { asked, find, answerAll } = database(new Set());
    const key = newKey();
    let refused = 0;
    const flood = Array.from({ length: 3_000 }, () => find(key, 'stranger').catch(() => void (refused += 1)));
    await settled();
    expect(asked).toHaveLength(1);
    expect(flood.length - refused).toBeLessThan(MOST_UNSEEN);
    expect(refused).toBeGreaterThan(0);
    await answerAll();
    await Promise.all(flood);
  });

  test('whose a key is that was seen is told before it is looked up, and may end it', async () => {
    const key = newKey();
    const { asked, find, answerAll } = database(new Set([key]));
    const told: string[] = [];
    const first = find(key, 'own', (tenantId) => void told.push(tenantId));
    await settled();
    expect(told).toEqual([]);
    await answerAll();
    await first;
    const over = new Error('over');
    await expect(
      find(key, 'own', (tenantId) => {
        told.push(tenantId);
        throw over;
      }),
    ).rejects.toBe(over);
    expect(told).toEqual(['t']);
    expect(asked).toEqual([]);
  });

  test('a new key of another network doesn’t wait for those of a stranger', async () => {
    const key = newKey();
    const { asked, find } = database(new Set([key]));
    for (let i = 0; i < 100; i += 1) void find(newKey(), 'stranger');
    const found = find(key, 'other');
    await settled();
    asked.find((query) => query.key === key)?.answer();
    expect(await found).toBe(FOUND);
  });

  test('a key that was seen waits in its tenant’s share, is looked up each time, and ends when it is revoked', async () => {
    const key = newKey();
    const { known, asked, shares, find, answerAll } = database(new Set([key]));
    const first = find(key, 'own');
    await settled();
    await answerAll();
    expect(await first).toBe(FOUND);
    expect(shares).toEqual([]);
    for (let i = 0; i < 1_000; i += 1) void find(newKey(), 'own').catch(() => undefined);
    await settled();
    const again = [find(key, 'own'), find(key, 'own')];
    await settled();
    expect(shares).toEqual(['t', 't']);
    expect(asked.filter((query) => query.key === key)).toHaveLength(2);
    await answerAll();
    expect(await Promise.all(again)).toEqual([FOUND, FOUND]);
    known.delete(key);
    const revoked = find(key, 'own');
    await settled();
    await answerAll();
    expect(await revoked).toBeUndefined();
    // It is a stranger's from now on.
    void find(key, 'own');
    await settled();
    expect(shares).toHaveLength(3);
  });

  test('whoever has no place within two seconds is told that its own look-ups have them', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { asked, find } = database(new Set());
    void find(newKey(), 'stranger');
    void find(newKey(), 'stranger');
    const late = find(newKey(), 'stranger').catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(await late).toBeInstanceOf(OverShareError);
    expect(asked).toHaveLength(2);
    jest.useRealTimers();
  });

  test('many at once of one key that is new take one place, and each has it looked up', async () => {
    const key = newKey();
    const { known, asked, shares, find, answerAll } = database(new Set([key]));
    const all = Array.from({ length: 500 }, () => find(key, 'own'));
    await settled();
    expect(asked).toHaveLength(1);
    asked.shift()?.answer();
    await settled();
    expect(shares).toHaveLength(499);
    known.delete(key);
    await answerAll();
    expect((await Promise.all(all)).filter(Boolean)).toHaveLength(1);
  });
});
