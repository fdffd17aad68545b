/** A wait that has ended before its work. */
export class NotInTimeError extends Error {
  override readonly name = 'NotInTime';
}

/**
 * What `work` gives, or a rejection with `NotInTimeError` after `ms`. The work itself goes on; its own
 * failure after that is heard by nobody. An answer that is there already counts, however late the process is
 * in reading it: when it stood still, its timers come before what its sockets have.
 *
 * Like the others here it is for work that ends soon, or that its caller alone waits for: each call leaves
 * something behind at `work` until that has settled. `createSharedWaits` is for what many wait for long.
 */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const tooLate = () => reject(new NotInTimeError(`no answer within ${ms} ms`));
    timer = setTimeout(() => setImmediate(tooLate), Math.max(0, ms));
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How often the time of `withinFreeTime` is looked at. */
const LOOK_EVERY_MS = 25;

/**
 * The same, of the time that this thread had for the answer: each turn of its event loop counts for 25 ms at
 * most. A thread that is kept busy for seconds reads an answer late that came at once.
 */
export async function withinFreeTime<T>(ms: number, work: Promise<T>): Promise<T> {
  let left = Math.ceil(ms / LOOK_EVERY_MS);
  let ticks: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    ticks = setInterval(() => {
      left -= 1;
      if (left <= 0) reject(new NotInTimeError(`no answer within ${ms} ms`));
    }, LOOK_EVERY_MS);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearInterval(ticks);
  }
}

/** What `work` resolves to. Rejects with the signal's reason as soon as it is aborted. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
