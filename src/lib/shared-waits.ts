import { unlessAborted } from './within.ts';

/** Waits for what stands under a key, until `signal` is aborted. */
export type SharedWaits<T> = (
  key: string,
  signal: AbortSignal,
  wait: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

/**
 * Those who wait for the same at a time wait for it together: it is asked for once, and comes once for all of
 * them. Once nobody is left the wait is aborted.
 */
export function createSharedWaits<T>(): SharedWaits<T> {
  const underWay = new Map<string, { result: Promise<T>; waiting: number; nobody: AbortController }>();

  const begin = (key: string, wait: (signal: AbortSignal) => Promise<T>) => {
    const nobody = new AbortController();
    const begun = { result: wait(nobody.signal), waiting: 0, nobody };
    const end = (): void => {
      if (underWay.get(key) === begun) underWay.delete(key);
    };
    underWay.set(key, begun);
    nobody.signal.addEventListener('abort', end, { once: true });
    begun.result.then(end, end);
    return begun;
  };

  return async (key, signal, wait) => {
    signal.throwIfAborted();
    const shared = underWay.get(key) ?? begin(key, wait);
    shared.waiting += 1;
    try {
      return await unlessAborted(shared.result, signal);
    } finally {
      shared.waiting -= 1;
      if (shared.waiting === 0) shared.nobody.abort();
    }
  };
}
