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
    underWay.set(key, begun);
    return begun;
  };

  return async (key, signal, wait) => {
    signal.throwIfAborted();
    const shared = underWay.get(key) ?? begin(key, wait);
    const end = (): void => {
      if (underWay.get(key) === shared) underWay.delete(key);
    };
    shared.waiting += 1;
    try {
      const result = await unlessAborted(shared.result, signal);
      end();
      return result;
    } catch (error) {
      if (!signal.aborted) end();
      throw error;
    } finally {
      shared.waiting -= 1;
      if (shared.waiting === 0) {
        end();
        shared.nobody.abort();
      }
    }
  };
}
