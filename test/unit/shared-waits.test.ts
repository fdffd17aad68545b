import { expect, jest, test } from '@jest/globals';
import { createSharedWaits } from '../../src/lib/shared-waits.ts';

/** Waits that end when they are told to. */
function waits() {
  const begun: Array<{ signal: AbortSignal; come: (value: string) => void; fail: (error: Error) => void }> =
    [];
  const shared = createSharedWaits<string>();
  const wait = (key: string, signal = new AbortController().signal) =>
    shared.join(key, signal, (own) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      own.addEventListener('abort', () => reject(new Error('nobody waits')));
      begun.push({ signal: own, come: resolve, fail: reject });
      return promise;
    });
  return { begun, wait, shared };
}

test('many wait for the same once, and each gets it; for something else, and later, anew', async () => {
  const { begun, wait } = waits();
  const all = Array.from({ length: 500 }, () => wait('a'));
  const other = wait('b');
  expect(begun).toHaveLength(2);
  begun[0]?.come('here');
  begun[1]?.come('there');
  expect(new Set(await Promise.all(all))).toEqual(new Set(['here']));
  expect(await other).toBe('there');
  void wait('a').catch(() => undefined);
  expect(begun).toHaveLength(3);
});

test('whoever leaves leaves the others waiting; the last one ends it', async () => {
  const { begun, wait } = waits();
  const [first, second] = [new AbortController(), new AbortController()];
  const left = wait('a', first.signal);
  const stays = wait('a', second.signal);
  first.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  expect(begun[0]?.signal.aborted).toBe(false);
  second.abort(new Error('gone too'));
  await expect(stays).rejects.toThrow('gone too');
  expect(begun[0]?.signal.aborted).toBe(true);
  const again = wait('a');
  begun[1]?.come('here');
  expect(await again).toBe('here');
});

test('a failure is everybody’s, and the next one asks anew', async () => {
  const { begun, wait } = waits();
  const both = [wait('a'), wait('a')];
  begun[0]?.fail(new Error('away'));
  for (const one of both) await expect(one).rejects.toThrow('away');
  void wait('a').catch(() => undefined);
  expect(begun).toHaveLength(2);
});

test('whoever has gone before waits for nothing', async () => {
  const { begun, wait } = waits();
  await expect(wait('a', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  expect(begun).toEqual([]);
});

test('whoever leaves, leaves nothing behind while another waits', async () => {
  const shared = createSharedWaits<string>();
  const { promise, resolve } = Promise.withResolvers<string>();
  const reactions = jest.spyOn(promise, 'then');
  const wait = (signal: AbortSignal) => shared.join('a', signal, () => promise);
  const stays = wait(new AbortController().signal);
  for (let nth = 0; nth < 100; nth += 1) {
    const leaving = new AbortController();
    const left = wait(leaving.signal);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
  }
  expect(reactions).toHaveBeenCalledTimes(1);
  expect(shared.waitersOf('a')).toBe(1);
  resolve('here');
  expect(await stays).toBe('here');
  expect(shared.waitersOf('a')).toBe(0);
});
