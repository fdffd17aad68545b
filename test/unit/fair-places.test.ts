/** Recalls at the database: one tenant's, however many and slow, leave the others theirs. */
import { expect, test } from '@jest/globals';
import { mostPlaces } from '../../src/lib/shares.ts';
import { RECALLS_AT_ONCE } from '../../src/activities/gather-context.ts';
import { createFairPlaces } from '../../src/lib/fair-places.ts';

const HERE = new AbortController().signal;

/** Recalls that end when they are told to. */
function desk(atOnce: number) {
  const places = createFairPlaces(atOnce);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (name: string, signal = HERE) =>
    places({ tenantId: name.slice(0, 1), userId: name.slice(1, 2) }, signal, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return name;
    });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const end = async (name: string) => {
    ends.get(name)?.();
    await settle();
  };
  return { ask, begun, end, settle };
}

test('alone, a tenant has all places; what is over waits and comes in turn, user by user', async () => {
  const { ask, begun, end, settle } = desk(2);
  const asked = ['Aa1', 'Aa2', 'Aa3', 'Aa4', 'Ab1'].map((name) => ask(name));
  await settle();
  expect(begun).toEqual(['Aa1', 'Aa2']);
  for (const name of ['Aa1', 'Aa2', 'Aa3', 'Ab1', 'Aa4']) await end(name);
  expect(await Promise.all(asked)).toHaveLength(5);
  expect(begun.slice(2)).toEqual(['Aa3', 'Ab1', 'Aa4']);
});

test('while one tenant’s recalls all hang, and more of them wait, another’s begin at once', async () => {
  const { ask, begun, settle } = desk(4);
  for (let nth = 0; nth < 9; nth += 1) void ask(`Aa${nth}`);
  await settle();
  for (const name of ['Ba1', 'Ba2', 'Ba3']) void ask(name);
  await settle();
  expect(begun).toEqual(['Aa0', 'Aa1', 'Aa2', 'Aa3', 'Ba1', 'Ba2']);
});

test('a tenant over its share waits until it has given enough back; then its next one begins', async () => {
  const { ask, begun, end, settle } = desk(4);
  for (let nth = 0; nth < 6; nth += 1) void ask(`Aa${nth}`);
  void ask('Ba1');
  await settle();
  for (const name of ['Aa0', 'Aa1']) await end(name);
  expect(begun).toEqual(['Aa0', 'Aa1', 'Aa2', 'Aa3', 'Ba1']);
  await end('Aa2');
  expect(begun.at(-1)).toBe('Aa4');
});

test('who no longer waits is told so, takes no place, and holds nobody up', async () => {
  const { ask, begun, end, settle } = desk(1);
  void ask('Aa1');
  const gone = new AbortController();
  const left = ask('Aa2', gone.signal);
  void ask('Aa3');
  await settle();
  const reason = new Error('2 s are over');
  gone.abort(reason);
  await expect(left).rejects.toBe(reason);
  await end('Aa1');
  expect(begun).toEqual(['Aa1', 'Aa3']);
});

test('a recall that fails gives its place back', async () => {
  const places = createFairPlaces(1);
  const owner = { tenantId: 'A', userId: 'a' };
  const fault = new Error('no such table');
  await expect(places(owner, HERE, () => Promise.reject(fault))).rejects.toBe(fault);
  expect(await places(owner, HERE, () => Promise.resolve('found'))).toBe('found');
});

test('however many tenants there are, a quarter of a worker’s 20 connections is left to other work', () => {
  expect(mostPlaces(RECALLS_AT_ONCE)).toBeLessThanOrEqual(15);
});
