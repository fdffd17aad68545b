/** Waits for what stands under a key, by those who wait for it at the same time. */
export type SharedWaits<T> = {
  /** Waits until `signal` is aborted. `wait` begins when nobody waits for this key so far. */
  join(key: string, signal: AbortSignal, wait: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** How many wait for this key. */
  waitersOf(key: string): number;
};

type Waiter<T> = { come(value: T): void; fail(error: unknown): void };

/**
 * Those who wait for the same at a time wait for it together: it is asked for once, and comes once for all of
 * them. Once nobody is left the wait is aborted. Whoever leaves, leaves nothing behind, however long the
 * others wait.
 */
export function createSharedWaits<T>(): SharedWaits<T> {
  const underWay = new Map<string, { waiters: Set<Waiter<T>>; nobody: AbortController }>();

  const begin = (key: string, wait: (signal: AbortSignal) => Promise<T>) => {
    const begun = { waiters: new Set<Waiter<T>>(), nobody: new AbortController() };
    underWay.set(key, begun);
    const end = (tell: (waiter: Waiter<T>) => void): void => {
      if (underWay.get(key) === begun) underWay.delete(key);
      for (const waiter of begun.waiters) tell(waiter);
    };
    wait(begun.nobody.signal).then(
      (value) => end((waiter) => waiter.come(value)),
      (error: unknown) => end((waiter) => waiter.fail(error)),
    );
    return begun;
  };

  return {
    waitersOf: (key) => underWay.get(key)?.waiters.size ?? 0,
    join(key, signal, wait) {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      if (signal.aborted) {
        reject(signal.reason);
        return promise;
      }
      const shared = underWay.get(key) ?? begin(key, wait);
      const waiter: Waiter<T> = {
        come(value) {
          signal.removeEventListener('abort', leave);
          resolve(value);
        },
        fail(error) {
          signal.removeEventListener('abort', leave);
          reject(error);
        },
      };
      const leave = (): void => {
        shared.waiters.delete(waiter);
        reject(signal.reason);
        if (shared.waiters.size > 0) return;
        if (underWay.get(key) === shared) underWay.delete(key);
        shared.nobody.abort();
      };
      shared.waiters.add(waiter);
      signal.addEventListener('abort', leave, { once: true });
      return promise;
    },
  };
}
