/** How fast a reader must take what it asked for. */
export type Pace = {
  /** At the end of each of these spans it is looked at what was taken in it. */
  everyMs: number;
  leastBytes: number;
  /** However fast it is, it must have taken all of it by then. */
  withinMs: number;
};

/** Watches a reader, and calls `stop` once when it is too slow. Until `end` it holds timers. */
export function watchPace(
  { everyMs, leastBytes, withinMs }: Pace,
  stop: () => void,
): { took(bytes: number): void; end(): void } {
  let taken = 0;
  const end = (): void => {
    clearInterval(looking);
    clearTimeout(last);
  };
  const tooSlow = (): void => {
    end();
    stop();
  };
  const looking = setInterval(() => {
    if (taken < leastBytes) tooSlow();
    taken = 0;
  }, everyMs);
  const last = setTimeout(tooSlow, withinMs);
  return {
    took(bytes) {
      taken += bytes;
    },
    end,
  };
}
