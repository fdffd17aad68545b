/**
 * A hostile tenant and a quiet one, with the processes of an installation: whatever the one does, the other
 * is answered, with its memory. Each attack goes on while the next begins. `npm run test:hostile` adds two
 * more of each attack's kind.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { lazyClient } from '../../src/temporal/connection.ts';
import { createApiClient, type ApiClient } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { ATTACKS, hostileTenant, type Hostile } from '../support/hostile-tenant.ts';
import { childrenOf, openFiles, processorMs } from '../support/proc.ts';
import { createProcesses, type RunningProcess, type SlackProcesses } from '../support/processes.ts';
import { createTestTenant, encryptionConfig, temporalConfig } from '../support/services.ts';

/** What the attacks leave to be embedded is bounded, and takes a slow machine minutes. */
const KEPT_FOR_MS = 90_000;
const DRAINED_WITHIN_MS = 400_000;

jest.setTimeout(DRAINED_WITHIN_MS + 120_000);

let processes: SlackProcesses;
let hostile: Hostile;
let quiet: ApiClient;
let quietTenant: string;
let running: { api: RunningProcess; worker: RunningProcess };
let atFirst: number[];
let filesAtFirst: number;

/** API and worker, and the embedding model of each. */
const pids = async () => [
  running.api.pid,
  running.worker.pid,
  ...(await childrenOf(running.api.pid)),
  ...(await childrenOf(running.worker.pid)),
];

beforeAll(async () => {
  processes = await createProcesses({ slack: true });
  running = { worker: processes.start('worker'), api: processes.start('api') };
  await Promise.all([processes.ready(), running.worker.says(/worker is up/)]);
  hostile = hostileTenant(processes);
  const { apiKey, agent, tenantId } = await createTestTenant(processes.database.pool);
  quiet = createApiClient({ baseUrl: processes.baseUrl, apiKey, agentId: agent.id });
  quietTenant = tenantId;
  await quiet.say('Hello.');
  // An API loads the model when it is first searched.
  const { agent: own } = processes;
  const params = { name: 'search_memory', arguments: { agentId: own.id, userId: 'ada', query: 'dog' } };
  const search = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
  await processes.request('POST', '/mcp', search, { accept: 'application/json, text/event-stream' });
  atFirst = await pids();
  expect(atFirst).toHaveLength(4);
  filesAtFirst = await openFiles(running.api.pid);
});
afterEach(() => hostile.letGo());
afterAll(() => processes.close());

const all = process.env['HOSTILE_ATTACKS'] === 'all';

test.each(ATTACKS.filter(([what]) => all || !what.startsWith('…')))('%s', async (what, attack) => {
  const attacking = attack(hostile);
  // Its outcome is looked at below.
  attacking.catch(() => undefined);
  const userId = `quiet beside ${what} ${randomUUID()}`;
  for (const said of ['My dog is called Rex.', 'I live in Lund.', 'What is my dog called?']) {
    const { status, body } = await quiet.say(said, { userId });
    expect([status, body['missing']]).toEqual([200, []]);
  }
  await attacking;
  const stored = async () => {
    const { rows } = await processes.database.admin.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM conversation_embeddings WHERE tenant_id = $1 AND user_id = $2',
      [quietTenant, userId],
    );
    return rows[0]?.n === 6;
  };
  await eventually(stored, { timeoutMs: 30_000, what: 'the memories of the quiet tenant' });
  expect(await pids()).toEqual(atFirst);
});

// Takes minutes: left out of `npm test`.
const testOfAll = all ? test : test.skip;

testOfAll('after the attacks all that was taken ends by itself, and the processes fall idle', async () => {
  const temporal = lazyClient(temporalConfig(), encryptionConfig().keys);
  const isDrained = async () => (await temporal.workflow.count("ExecutionStatus = 'Running'")).count === 0;
  await eventually(isDrained, {
    timeoutMs: DRAINED_WITHIN_MS,
    what: 'the end of every turn and of every backfill',
  });
  const spent = async () => Promise.all((await pids()).map(processorMs));
  const before = await spent();
  await delay(10_000);
  const after = await spent();
  expect(await pids()).toEqual(atFirst);
  // Polling takes a few hundredths of a processor; whatever goes on by itself would take most of one.
  for (const [i, ms] of after.entries()) expect(ms - (before[i] ?? 0)).toBeLessThan(2_500);
  await temporal.connection.close();
  // An idle connection of a client is kept for 75 s, and those to the services are a bounded number.
  const areClosed = async () => (await openFiles(running.api.pid)) < filesAtFirst + 100;
  await eventually(areClosed, { timeoutMs: KEPT_FOR_MS, what: 'the end of the connections' });
});
