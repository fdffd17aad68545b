/** What every store holds, read past Konstruct: to see that words are gone, or that all is as it was. */
import { isGrpcServiceError, type Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type pg from 'pg';
import type { RedisClient } from '../../src/redis/connection.ts';
import { contextOf } from '../../src/temporal/history.ts';

/** The stores, past Konstruct. The client has the keys. */
export type Stores = { admin: pg.Pool; redis: RedisClient; temporal: Client };

/**
 * The rows of all tables that `keep` wants, as text. With `catalogs` those of Postgres' own tables too, where
 * the planner keeps samples of what columns hold: that is more than a dump has.
 */
export async function rowsOf(
  { admin }: Pick<Stores, 'admin'>,
  keep: (row: string) => boolean,
  { catalogs = false } = {},
): Promise<string[]> {
  const { rows: tables } = await admin.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class
     WHERE relkind IN ('r', 'p') AND NOT relispartition AND ($1 OR relnamespace = 'public'::regnamespace) ORDER BY 1`,
    [catalogs],
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await admin.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t ORDER BY 1`);
    found.push(...rows.filter(({ row }) => keep(row)).map(({ row }) => `${name} ${row}`));
  }
  return found;
}

/** All keys of a tenant in Redis with their values, but for rate limits, which come and go by themselves. */
export async function keysOf({ redis }: Pick<Stores, 'redis'>, tenantId: string): Promise<string[]> {
  const found: string[] = [];
  for (const key of (await redis.keys(`${tenantId}:*`)).toSorted()) {
    if (key.includes('rate_limit')) continue;
    found.push(`${key} ${await valueOf(redis, key)}`);
  }
  return found;
}

async function valueOf(redis: RedisClient, key: string): Promise<string> {
  switch (await redis.type(key)) {
    case 'list':
      return (await redis.lrange(key, 0, -1)).join('\n');
    case 'zset':
      return (await redis.zrange(key, '0', '-1')).join('\n');
    case 'set':
      return (await redis.smembers(key)).toSorted().join('\n');
    case 'stream':
      return JSON.stringify(await redis.xrange(key, '-', '+'));
    case 'hash':
      return JSON.stringify(await redis.hgetall(key));
    default:
      return (await redis.get(key)) ?? '';
  }
}

/** All executions of the namespace that the list has by now, with their histories, payloads decoded. */
export async function executionsOf({ temporal }: Pick<Stores, 'temporal'>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { workflowId, runId, raw } of temporal.workflow.list()) {
    try {
      const history = await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
      found.set(
        workflowId,
        `${found.get(workflowId) ?? ''}\n${await linesOf(temporal, workflowId, [raw, history])}`,
      );
    } catch (error) {
      if (!isGrpcServiceError(error)) throw error;
      found.set(workflowId, 'in the list, without a history');
    }
  }
  return found;
}

/** Where a word stands: rows, keys of the tenant and executions. */
export async function placesOf(
  stores: Stores & { tenantId: string },
  word: string,
  { catalogs = false } = {},
): Promise<string[]> {
  const [rows, keys, executions] = await Promise.all([
    rowsOf(stores, (row) => row.includes(word), { catalogs }),
    keysOf(stores, stores.tenantId),
    executionsOf(stores),
  ]);
  return [
    ...rows,
    ...keys.filter((key) => key.includes(word)),
    ...[...executions].filter(([, history]) => history.includes(word)).map(([id]) => id),
  ];
}

/** As text. Payloads are bytes, and encrypted: what is in them shows only when they are decoded. */
async function textOf(temporal: Client, workflowId: string, value: unknown): Promise<string> {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value !== 'object' || value === null) return String(value);
  const [codec] = temporal.options.loadedDataConverter.payloadCodecs;
  const decoded = codec && isEncrypted(value) ? await codec.decode([value], contextOf(workflowId)) : [];
  const parts = [...Object.values(value), ...decoded].map((part) => textOf(temporal, workflowId, part));
  return (await Promise.all(parts)).join('\n');
}

const isEncrypted = ({ metadata }: Payload): boolean =>
  metadata?.['encoding'] instanceof Uint8Array &&
  Buffer.from(metadata['encoding']).toString() === 'binary/encrypted';

/** Sorted, since the order of a map's entries differs from one look to the next. */
const linesOf = async (temporal: Client, workflowId: string, value: unknown): Promise<string> =>
  (await textOf(temporal, workflowId, value)).split('\n').toSorted().join('\n');
