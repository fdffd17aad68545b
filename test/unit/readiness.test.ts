/** What the API finds when it asks its services itself: what takes replies away, and what is an outage. */
import { expect, jest, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { pino } from 'pino';
import { createReadiness } from '../../src/api/readiness.ts';
import type { RedisClient } from '../../src/redis/connection.ts';

const CONNECTION = {
  ...{ on: () => undefined, off: () => undefined, release: () => undefined },
  query: async () => ({ rows: [] }),
};

/** Services of which some are away; `asked` counts what Postgres is asked. */
function services(...away: string[]) {
  const asked = { postgres: 0 };
  const answer = async <T>(service: string, value: T): Promise<T> => {
    if (away.includes(service)) throw new Error(`${service} is away`);
    return value;
  };
  const connect = () => {
    asked.postgres += 1;
    return answer('postgres', CONNECTION);
  };
  const lastAccessTime = { seconds: Math.floor(Date.now() / 1_000) };
  const temporal = {
    options: { namespace: 'default' },
    workflowService: {
      describeWorkflowExecution: () => answer('temporal', {}),
      describeTaskQueue: () => answer('worker', { pollers: [{ lastAccessTime }] }),
    },
  };
  const redis = { ping: () => answer('redis', 'PONG'), info: () => answer('redis', '') };
  const readiness = createReadiness({
    pool: { connect } as unknown as pg.Pool,
    redis: redis as unknown as RedisClient,
    temporal: temporal as unknown as Client,
    log: pino({ level: 'silent' }),
  });
  return { asked, ...readiness };
}

test.each<[string, boolean]>([
  ['postgres', true],
  ['temporal', true],
  // Messages are accepted without them.
  ['redis', false],
  ['worker', false],
])('%s away: not ready; an outage: %s', async (service, isOutage) => {
  const { checkAll, isOutage: ask } = services(service);
  expect(await checkAll()).toMatchObject({ [service]: 'away' });
  expect(await ask()).toBe(isOutage);
});

test('nothing away is no outage', async () => {
  expect(await services().isOutage()).toBe(false);
});

test('a service is asked once a second, whoever asks and however often', async () => {
  let now = 1_000_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const { asked, checkAll, isOutage } = services('postgres');
  await Promise.all([checkAll(), ...Array.from({ length: 500 }, isOutage)]);
  expect(asked.postgres).toBe(1);
  now += 1_001;
  await isOutage();
  expect(asked.postgres).toBe(2);
  jest.restoreAllMocks();
});

/** The same of a Temporal that answers a look-up so. */
function withTemporal(describeWorkflowExecution: () => Promise<never>) {
  const temporal = { options: { namespace: 'default' }, workflowService: { describeWorkflowExecution } };
  return createReadiness({
    pool: { connect: async () => CONNECTION } as unknown as pg.Pool,
    redis: {} as unknown as RedisClient,
    temporal: temporal as unknown as Client,
    log: pino({ level: 'silent' }),
  });
}

test.each([
  ['knows no such workflow', 5, false],
  ['has no more to give this caller just now', 8, false],
  ['can’t reach its store', 14, true],
])('a Temporal that %s (gRPC’s %d): an outage: %s', async (_, code, isOutage) => {
  const said = Object.assign(new Error(), { code, details: '', metadata: {} });
  expect(await withTemporal(() => Promise.reject(said)).isOutage()).toBe(isOutage);
});

test('a service that gives no answer is away after two seconds', async () => {
  jest.useFakeTimers();
  const asked = withTemporal(() => new Promise(() => undefined)).isOutage();
  await jest.advanceTimersByTimeAsync(2_001);
  expect(await asked).toBe(true);
  jest.useRealTimers();
});
