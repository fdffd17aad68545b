import { afterEach, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { createSealKeys, KEY_KEPT_MS } from '../../src/db/seal-keys.ts';

const TENANT = '11111111-1111-4111-8111-111111111111';
const key = Buffer.alloc(32, 7);

afterEach(() => void jest.restoreAllMocks());

/** Keys of a database that has one, has none, or is away; `reads` counts how often it is asked. */
function keysOf() {
  const database = { answer: 'found' as 'found' | 'none' | 'away', reads: 0 };
  const query = (text: unknown): Promise<{ rows: unknown[] }> => {
    if (typeof text !== 'string' || !text.includes('seal_key')) return Promise.resolve({ rows: [] });
    database.reads += 1;
    if (database.answer === 'away') return Promise.reject(new Error('Connection terminated'));
    return Promise.resolve({ rows: database.answer === 'found' ? [{ seal_key: key }] : [] });
  };
  const nothing = () => undefined;
  const client = { on: nothing, off: nothing, release: nothing, query };
  const pool = Object.assign(new pg.Pool(), { connect: () => Promise.resolve(client) });
  let now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  return { database, keys: createSealKeys(pool), pass: (ms: number) => (now += ms) };
}

test('a key is read once in five minutes, and a tenant that is removed has none then', async () => {
  const { database, keys, pass } = keysOf();
  for (let asked = 0; asked < 10; asked += 1) expect(await keys(TENANT)).toEqual(key);
  expect(database.reads).toBe(1);
  database.answer = 'none';
  pass(KEY_KEPT_MS - 1);
  expect(await keys(TENANT)).toEqual(key);
  pass(1);
  expect(await keys(TENANT)).toBeUndefined();
  expect(database.reads).toBe(2);
});

test('while Postgres is away the known key counts, and is asked for again five minutes later', async () => {
  const { database, keys, pass } = keysOf();
  await keys(TENANT);
  database.answer = 'away';
  pass(KEY_KEPT_MS);
  for (let asked = 0; asked < 10; asked += 1) expect(await keys(TENANT)).toEqual(key);
  expect(database.reads).toBe(2);
  database.answer = 'none';
  pass(KEY_KEPT_MS);
  expect(await keys(TENANT)).toBeUndefined();
});

test('a key that was never found is asked for each time', async () => {
  const { database, keys } = keysOf();
  database.answer = 'away';
  await expect(keys(TENANT)).rejects.toThrow('terminated');
  database.answer = 'found';
  expect(await keys(TENANT)).toEqual(key);
});
