import { createAppendTurn } from './append-turn.ts';
import { createGatherContext } from './gather-context.ts';
import { createAnswerTurn } from './answer-turn.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createFindTurnBefore } from './find-turn-before.ts';
import { createDeliverReply } from './deliver-reply.ts';
import { createStoreTurn } from './store-turn.ts';

export type Activities = ReturnType<typeof createActivities>;

/** All activities of both workers. */
export function createActivities(dependencies: ActivityDependencies) {
  return {
    ...createFindTurnBefore(dependencies),
    ...createGatherContext(dependencies),
    ...createAnswerTurn(dependencies),
    ...createDeliverReply(dependencies),
    ...createAppendTurn(dependencies),
    ...createStoreTurn(dependencies),
  };
}
