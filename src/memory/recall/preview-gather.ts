import type { GatheredContext } from '../../domain/turn.ts';
import type { FairPlaces } from '../../lib/fair-places.ts';
import { createGather, type GatherInput } from './gather.ts';

/**
 * Looks up what a turn would be told of, for whoever wants to see it. Rejects with the reason of `stopped`
 * when that is aborted before it is there.
 */
export type PreviewGather = (input: GatherInput, stopped: AbortSignal) => Promise<GatheredContext>;

/** All of a preview has its one place: a second one within could wait for ever for those outside. */
const PLACED: FairPlaces = async (_owner, signal, work) => {
  signal?.throwIfAborted();
  return work();
};

/**
 * Makes the look-up of a process. It waits for its place as a search does, before anything is embedded, and
 * keeps it to the end; from then on it takes `withinMs` at most.
 */
export function createPreviewGather(
  dependencies: Parameters<typeof createGather>[0],
  places: FairPlaces,
  withinMs: number,
): PreviewGather {
  const gather = createGather(dependencies, PLACED, withinMs);
  return async (input, stopped) => {
    const context = await places(input.message, stopped, () => gather(input, stopped));
    stopped.throwIfAborted();
    return context;
  };
}
