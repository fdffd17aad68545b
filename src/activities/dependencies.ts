import type { Client } from '@temporalio/client';
import type { RedisClient } from '../redis/connection.ts';
import type pg from 'pg';
import type { RunAgent } from '../llm/run-agent.ts';
import type { Embedder } from '../memory/embedding/embedder.ts';
import type { OutboundChannel } from '../channels/channel.ts';

/** What the activities stand on. */
export type ActivityDependencies = {
  pool: pg.Pool;
  redis: RedisClient;
  /** Bytes that all windows of a tenant may take in Redis. */
  windowBytes: number;
  embedder: Embedder;
  runAgent: RunAgent;
  temporal: Client;
  /** The channels that replies are pushed to, by name. */
  channels: ReadonlyMap<string, OutboundChannel>;
};
