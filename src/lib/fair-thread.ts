/** Does a piece of work when it is its owner's turn, and gives what the work gives. */
export type InTurn = <T>(owner: string, work: () => T) => Promise<T>;

/** So long others wait at most, beside the piece that is under way. */
const GO_MS = 2;
/** What lies around a piece and isn't measured: reading what it is about, and waking whoever waits for it. */
const AROUND_MS = 0.02;
/** A piece counts as no longer: beyond that the process stood still, which is nobody's doing. */
const LONGEST_MS = 20;

type Owner = { spentMs: number; waiting: Array<() => void> };

/**
 * Shares the one thread of a process out among those who have work for it, piece by piece: whoever has taken
 * least of its time is next, and a newcomer counts as having taken as little as anybody. After every few
 * milliseconds all else that waits for the thread has its turn. Who is alone waits for nobody.
 */
export function createFairThread(
  now: () => number = () => performance.now(),
  breathe: (go: () => void) => unknown = setImmediate,
): InTurn {
  const owners = new Map<string, Owner>();
  /** What whoever was served last had spent before. */
  let leastMs = 0;
  let leftMs = GO_MS;
  let isBreathing = false;

  const next = (): Owner | undefined => {
    let first: Owner | undefined;
    for (const [name, owner] of owners) {
      if (owner.waiting.length > 0) {
        if (!first || owner.spentMs < first.spentMs) first = owner;
      } else if (owner.spentMs <= leastMs) owners.delete(name);
    }
    return first;
  };
  const go = (): void => {
    for (let owner = next(); owner; owner = leftMs > 0 ? next() : undefined) {
      leastMs = owner.spentMs;
      const begun = now();
      owner.waiting.shift()?.();
      const tookMs = Math.min(LONGEST_MS, now() - begun) + AROUND_MS;
      owner.spentMs += tookMs;
      leftMs -= tookMs;
    }
    if (isBreathing) return;
    isBreathing = true;
    breathe(() => {
      isBreathing = false;
      leftMs = GO_MS;
      if (next()) go();
    });
  };

  return <T>(name: string, work: () => T): Promise<T> => {
    const owner = owners.get(name) ?? { spentMs: leastMs, waiting: [] };
    if (owner.waiting.length === 0) owner.spentMs = Math.max(owner.spentMs, leastMs);
    owners.set(name, owner);
    const { promise, resolve } = Promise.withResolvers<T>();
    owner.waiting.push(() => resolve(new Promise<T>((done) => done(work()))));
    if (leftMs > 0) go();
    return promise;
  };
}
