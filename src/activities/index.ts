import type { Client } from '@temporalio/client';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { RunAgent } from '../llm/run-agent.ts';
import type { Embedder } from '../memory/embedder.ts';
import type { ClientOf } from '../slack/client.ts';
import { createAppendTurn } from './append-turn.ts';
import { createGatherContext } from './gather-context.ts';
import { createGenerateReply } from './generate-reply.ts';
import { createFindTurnBefore } from './find-turn-before.ts';
import { createSlackReplies } from './slack-replies.ts';
import { createStoreTurn } from './store-turn.ts';

/** What the activities stand on. */
export type ActivityDependencies = {
  pool: pg.Pool;
  redis: Redis;
  embedder: Embedder;
  runAgent: RunAgent;
  temporal: Client;
  /** The Web API clients of the workspaces. */
  slack: ClientOf;
};

export type Activities = ReturnType<typeof createActivities>;

/** All activities of both workers. */
export function createActivities(dependencies: ActivityDependencies) {
  return {
    ...createFindTurnBefore(dependencies),
    ...createGatherContext(dependencies),
    ...createGenerateReply(dependencies),
    ...createSlackReplies(dependencies),
    ...createAppendTurn(dependencies),
    ...createStoreTurn(dependencies),
  };
}
