/** SIGTERM and start of the two processes. */
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { connectClient } from '../../src/temporal/connection.ts';
import { eventually } from '../support/eventually.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { createProcesses, type Processes } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { temporalConfig } from '../support/services.ts';

jest.setTimeout(120_000);

let processes: Processes;
let start: Processes['start'];
let send: Processes['postMessage'];
beforeAll(async () => {
  processes = await createProcesses();
  ({ start, postMessage: send } = processes);
});
afterEach(() => processes.kill());
afterAll(() => processes.close());

test('SIGTERM in the middle of work: both drain and exit with 0, and nothing that was accepted is lost', async () => {
  const [api, worker] = [start('api'), start('worker')];
  await processes.ready();
  // A load balancer's idle connections (60 s) are not closed under its hands.
  expect((await fetch(`${processes.baseUrl}/healthz`)).headers.get('keep-alive')).toBe('timeout=75');
  processes.llm.answerWith((messages) => async (res) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    streamText(res, noted(messages));
  });
  const waiting = send('waiting', 'Waits for it', { prefer: 'wait=60' });
  const sent = await Promise.all(
    Array.from({ length: 20 }, (_, i) => send(`user-${i % 10}`, `Message ${i}`)),
  );
  expect(new Set(sent.map(({ status }) => status))).toEqual(new Set([202]));
  // The API first, as one does: no new work, and whoever waits for a reply is told that it is on its way.
  expect(await api.terminate()).toBe(0);
  expect([200, 202]).toContain((await waiting).status);
  await expect(send('late', 'Too late')).rejects.toThrow();
  expect(await worker.terminate()).toBe(0);
  expect(worker.output()).toMatch(/"msg":"stopped"/);

  const [apiAgain, workerAgain] = [start('api'), start('worker')];
  await processes.ready();
  const texts = await eventually(
    async () => {
      const looked = await Promise.all(
        sent.map(({ body }) => processes.request('GET', `/v1/messages/${String(body['messageId'])}`)),
      );
      return (
        looked.every(({ body }) => body['state'] === 'done') &&
        looked.map(({ body }) => (body['reply'] as { text: string }).text)
      );
    },
    { timeoutMs: 60_000 },
  );
  expect(texts).toEqual(sent.map((_, i) => `Noted: Message ${i}`));
  await eventually(
    async () => {
      const { rows } = await processes.database.admin.query('SELECT 1 FROM conversation_embeddings');
      return rows.length === 42;
    },
    { timeoutMs: 60_000 },
  );
  expect(await Promise.all([apiAgain.terminate(), workerAgain.terminate()])).toEqual([0, 0]);
});

test('API and worker in one process: turns start eagerly, SIGTERM drains, and the next start ends what is left', async () => {
  const combined = start('combined');
  await processes.ready();
  processes.llm.answerWith((messages) => (res) => streamText(res, noted(messages)));
  const first = await send('eager', 'First', { prefer: 'wait=60' });
  expect(first.body).toMatchObject({ reply: { text: 'Noted: First' } });
  expect(await startedEagerly(String(first.body['workflowId']))).toBe(true);

  processes.llm.answerWith((messages) => async (res) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    streamText(res, noted(messages));
  });
  const hurried = await send('hurried', 'Soon', { prefer: 'wait=1' });
  expect(hurried.status).toBe(202);
  const waiting = send('waiting', 'Waits for it', { prefer: 'wait=60' });
  const sent = await Promise.all(Array.from({ length: 10 }, (_, i) => send(`eager-${i}`, `Eager ${i}`)));
  expect(await combined.terminate()).toBe(0);
  expect([200, 202]).toContain((await waiting).status);
  const again = start('combined');
  await processes.ready();
  for (const [i, { body }] of sent.entries()) {
    const looked = await processes.request('GET', `/v1/messages/${String(body['messageId'])}`, undefined, {
      prefer: 'wait=60',
    });
    expect(looked.body).toMatchObject({ state: 'done', reply: { text: `Noted: Eager ${i}` } });
  }
  expect(await again.terminate()).toBe(0);
});

async function startedEagerly(workflowId: string): Promise<boolean | null | undefined> {
  const client = await connectClient(temporalConfig());
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  await client.connection.close();
  return events?.[0]?.workflowExecutionStartedEventAttributes?.eagerExecutionAccepted;
}

test.each(['api', 'worker', 'combined'] as const)(
  'the %s waits for its dependencies, says so, and is up when they are',
  async (name) => {
    const proxy = await startProxy(processes.database.url);
    proxy.cut();
    const child = start(name, { DATABASE_URL: proxy.through(processes.database.url) });
    await child.says(/waiting for Postgres/);
    expect(child.output()).not.toMatch(/is up/);
    proxy.restore();
    await child.says(/is up/);
    expect(await child.terminate()).toBe(0);
    await proxy.close();
  },
);

test('what stays away ends the start after its deadline, with the cure in one line', async () => {
  const child = start('api', {
    TEMPORAL_ADDRESS: '127.0.0.1:9',
    KONSTRUCT_START_TIMEOUT_MS: '2000',
  });
  const [code] = await child.exit;
  expect(code).toBe(1);
  expect(child.output()).toMatch(
    /Temporal can't be reached: nothing answers at TEMPORAL_ADDRESS=127\.0\.0\.1:9\n$/,
  );
});

test('what is not configured is named, all of it at once', async () => {
  const child = start('worker', { DATABASE_URL: '', LLM_BASE_URL: '' });
  const [code] = await child.exit;
  expect(code).toBe(1);
  expect(child.output()).toMatch(/DATABASE_URL is not set/);
  expect(child.output()).toMatch(/LLM_BASE_URL is not set/);
});
