/** What `--cluster` starts. The other files of the tier are those of the dev server, run against it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { registerNamespace } from '../../local/stack/namespaces.ts';
import { SERVER_VERSION } from '../../local/stack/temporal-server.ts';
import { connectClient } from '../../src/temporal/connection.ts';
import { encryptionConfig, temporalConfig } from '../support/services.ts';

let client: Client;
beforeAll(async () => {
  client = await connectClient(temporalConfig(), encryptionConfig().keys);
});
afterAll(() => client.connection.close());

const daysOf = async (namespace: string): Promise<number> => {
  const { config } = await client.workflowService.describeNamespace({ namespace });
  return Number(config?.workflowExecutionRetentionTtl?.seconds) / 86_400;
};

test('is Temporal’s server of one release, with persistence and visibility in Postgres', async () => {
  const info = await client.workflowService.getClusterInfo({});
  expect(info).toMatchObject({
    serverVersion: SERVER_VERSION,
    persistenceStore: 'postgres12',
    visibilityStore: 'postgres12',
    historyShardCount: 4,
  });
});

test('a namespace that the stack makes keeps what has ended for 30 days', async () => {
  expect(await daysOf(temporalConfig().namespace)).toBe(30);
});

test('a namespace that is there keeps the retention that it has', async () => {
  const namespace = `kept-${randomUUID()}`;
  const config = { ...temporalConfig(), namespace };
  expect(await registerNamespace(config, '3d')).toBe(true);
  expect(await registerNamespace(config, '30d')).toBe(false);
  expect(await daysOf(namespace)).toBe(3);
});
