import type { GatheredContext } from '../domain/turn.ts';
import { createGather, type GatherInput } from '../memory/recall/gather.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createGatherContext(dependencies: Pick<ActivityDependencies, 'pool' | 'redis' | 'embedder'>) {
  const gather = createGather(dependencies);
  return {
    /** What memory holds for a message: see `createGather`, within the time that a turn may be held. */
    gatherContext: (input: GatherInput): Promise<GatheredContext> => gather(input),
  };
}
