import type { GatheredContext } from '../domain/turn.ts';
import { createFairPlaces } from '../lib/fair-places.ts';
import { createGather, type GatherInput } from '../memory/recall/gather.ts';
import type { ActivityDependencies } from './dependencies.ts';

/**
 * Recalls of one worker that are at the database at once, of a tenant that is alone. With those of others at
 * most `mostPlaces` of it, which leaves connections to what is no recall.
 */
export const RECALLS_AT_ONCE = 6;

export function createGatherContext(dependencies: Pick<ActivityDependencies, 'pool' | 'redis' | 'embedder'>) {
  const gather = createGather(dependencies, createFairPlaces(RECALLS_AT_ONCE));
  return {
    /** What memory holds for a message: see `createGather`, within the time that a turn may be held. */
    gatherContext: (input: GatherInput): Promise<GatheredContext> => gather(input),
  };
}
