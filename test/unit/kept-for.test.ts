import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { keptFor, keptForEach } from '../../src/lib/kept-for.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Work that ends when it is told to. */
function work() {
  const begun: Array<PromiseWithResolvers<number>> = [];
  return {
    begun,
    begin: () => {
      const one = Promise.withResolvers<number>();
      begun.push(one);
      return one.promise;
    },
  };
}

test('many that ask wait for one piece of work, and get it for a while', async () => {
  const { begun, begin } = work();
  const ask = keptFor(1_000, begin);
  const asked = Array.from({ length: 50 }, () => ask());
  await jest.advanceTimersByTimeAsync(60_000);
  expect(begun).toHaveLength(1);
  begun[0]?.resolve(1);
  expect(await Promise.all([...asked, ask()])).toEqual(Array<number>(51).fill(1));
  await jest.advanceTimersByTimeAsync(999);
  void ask();
  expect(begun).toHaveLength(1);
  await jest.advanceTimersByTimeAsync(1);
  void ask();
  expect(begun).toHaveLength(2);
});

test('what has failed is not kept', async () => {
  const { begun, begin } = work();
  const ask = keptFor(1_000, begin);
  const first = ask();
  begun[0]?.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  void ask();
  expect(begun).toHaveLength(2);
});

test('what may be asked for by name is kept by its name', async () => {
  const { begun, begin } = work();
  const ask = keptForEach<number>(1_000);
  const asked = [ask('a', begin), ask('a', begin), ask('b', begin)];
  await jest.advanceTimersByTimeAsync(60_000);
  expect(begun).toHaveLength(2);
  begun[0]?.resolve(1);
  begun[1]?.resolve(2);
  expect(await Promise.all([...asked, ask('a', begin), ask('b', begin)])).toEqual([1, 1, 2, 1, 2]);
  await jest.advanceTimersByTimeAsync(1_000);
  void ask('a', begin);
  expect(begun).toHaveLength(3);
  expect(jest.getTimerCount()).toBe(0);
});
