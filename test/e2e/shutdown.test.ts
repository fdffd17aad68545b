/** SIGTERM and start of the two processes. */
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { childrenOf } from '../support/proc.ts';
import { createProcesses, type Processes } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { asRole } from '../support/services.ts';

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
  const hurried = await send('hurried', 'Soon', { prefer: 'wait=1' });
  expect(hurried.status).toBe(202);
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
      return rows.length === 44;
    },
    { timeoutMs: 60_000 },
  );
  expect(await Promise.all([apiAgain.terminate(), workerAgain.terminate()])).toEqual([0, 0]);
});

test('a worker whose model and Postgres hang ends with 0, and another stores what it was about to', async () => {
  const proxy = await startProxy(processes.database.url);
  start('api');
  const worker = start('worker', {
    DATABASE_URL: proxy.through(asRole('worker', processes.database.url)),
  });
  await Promise.all([processes.ready(), worker.says(/worker is up/)]);
  processes.llm.answerWith(noted);
  const [model] = await childrenOf(worker.pid);
  if (model === undefined) throw new Error('the worker has no model');
  await processes.say('Hello.', { userId: 'stuck-0' });
  process.kill(model, 'SIGSTOP');
  for (let i = 1; i < 6; i += 1)
    expect((await processes.say(`I am ${i}.`, { userId: `stuck-${i}` })).status).toBe(200);
  proxy.stall();
  const more = Array.from({ length: 5 }, (_, i) => send(`stuck-${6 + i}`, 'And I?'));
  for (const { status } of await Promise.all(more)) expect(status).toBe(202);
  expect(await worker.terminate()).toBe(0);
  expect(worker.output()).toMatch(/"msg":"stopped"/);

  await proxy.close();
  start('worker');
  const stored = async () => {
    const { rows } = await processes.database.admin.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM conversation_embeddings WHERE user_id LIKE 'stuck-%'",
    );
    return rows[0]?.n === 22;
  };
  await eventually(stored, { timeoutMs: 60_000, what: 'two memories of each of eleven turns' });
});

test.each(['api', 'worker'] as const)(
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
    /^Temporal can't be reached: nothing answers at TEMPORAL_ADDRESS=127\.0\.0\.1:9 .*check the address.*\n$/m,
  );
});

test('what is not configured is named, all of it at once', async () => {
  const child = start('worker', { DATABASE_URL: '', LLM_BASE_URL: '' });
  const [code] = await child.exit;
  expect(code).toBe(1);
  expect(child.output()).toMatch(/DATABASE_URL is not set/);
  expect(child.output()).toMatch(/LLM_BASE_URL is not set/);
});
