/** How the processes fare, by their own metrics. */

export type Process = { name: string; metricsUrl: string };

export type Sample = {
  /** The longest time that the event loop was held up since the last look, in ms. */
  stallMs: number;
  heapBytes: number;
};

/** Looks once. Node's metrics start their measuring of the event loop anew with each look. */
export async function look({ metricsUrl }: Process): Promise<Sample> {
  const text = await (await fetch(metricsUrl, { signal: AbortSignal.timeout(30_000) })).text();
  const value = (name: string): number => {
    const found = new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`${metricsUrl} has no ${name}`);
    return Number(found);
  };
  return {
    stallMs: value('nodejs_eventloop_lag_max_seconds') * 1_000,
    heapBytes: value('nodejs_heap_size_used_bytes') + value('nodejs_external_memory_bytes'),
  };
}

/**
 * How much more memory a process keeps at the end than when it was warm: the least of the last third of its
 * samples less the least of the third before, since what a collection leaves is what is kept.
 */
export function growthBytes(samples: readonly Sample[]): number {
  const third = Math.floor(samples.length / 3);
  const least = (some: readonly Sample[]) => Math.min(...some.map(({ heapBytes }) => heapBytes));
  return third === 0 ? 0 : least(samples.slice(-third)) - least(samples.slice(third, -third));
}
