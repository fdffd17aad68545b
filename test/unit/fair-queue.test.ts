import { expect, test } from '@jest/globals';
import { createFairQueue } from '../../src/lib/fair-queue.ts';

const owner = (name: string) => ({ tenantId: name.slice(0, 1), userId: name.slice(1, 2) });
const queueOf = (...items: string[]) => {
  const queue = createFairQueue<string>();
  for (const item of items) queue.push(owner(item), item);
  return queue;
};
const drained = (queue: ReturnType<typeof queueOf>) => {
  const taken: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
  return taken;
};

test("an owner's items keep their order", () => {
  expect(drained(queueOf('Aa1', 'Aa2', 'Aa3'))).toEqual(['Aa1', 'Aa2', 'Aa3']);
});

test('tenants take turns, and then the users of each', () => {
  const queue = queueOf('Aa1', 'Aa2', 'Aa3', 'Ab1', 'Ab2', 'Ba1', 'Ca1', 'Ca2');
  expect(drained(queue)).toEqual(['Aa1', 'Ba1', 'Ca1', 'Ab1', 'Ca2', 'Aa2', 'Ab2', 'Aa3']);
});

test('who comes after somebody’s turn is before the next of the same, and behind who waited before', () => {
  const queue = queueOf('Aa1', 'Aa2', 'Aa3', 'Ba1', 'Ba2');
  expect([queue.take(), queue.take()]).toEqual(['Aa1', 'Ba1']);
  queue.push(owner('Ca1'), 'Ca1');
  expect(drained(queue)).toEqual(['Aa2', 'Ca1', 'Ba2', 'Aa3']);
});

test('however many come new, each who waits has its turn', () => {
  const queue = queueOf('Aa1', 'Aa2', 'Aa3');
  const taken: Array<string | undefined> = [];
  for (const name of ['B', 'C', 'D', 'E']) {
    taken.push(queue.take());
    queue.push(owner(name), name);
  }
  expect(taken).toEqual(['Aa1', 'B', 'Aa2', 'C']);
});

test('looking takes nothing; the count is by tenant', () => {
  const queue = queueOf('Aa1', 'Ab1', 'Ba1');
  expect(queue.peek()).toBe('Aa1');
  expect(['A', 'B', 'C'].map((tenant) => queue.waitingOf(tenant))).toEqual([2, 1, 0]);
  drained(queue);
  expect(queue.peek()).toBeUndefined();
  expect(queue.waitingOf('A')).toBe(0);
});

test('a tenant whose item may not be taken is passed over, and keeps its turn', () => {
  const queue = queueOf('Aa1', 'Aa2', 'Ba1', 'Ba2');
  const notOfA = (item: string) => !item.startsWith('A');
  expect(queue.take(notOfA)).toBe('Ba1');
  expect(queue.take(() => false)).toBeUndefined();
  expect(drained(queue)).toEqual(['Aa1', 'Ba2', 'Aa2']);
});
