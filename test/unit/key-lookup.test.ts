import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { sparingLookup } from '../../src/api/key-lookup.ts';
import { hashOfKey, type FoundApiKey } from '../../src/db/api-keys.ts';

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
  return { asked, time, find: (key: string) => find(Buffer.from(key)) };
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
