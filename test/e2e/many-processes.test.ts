/** Two APIs and four workers: one worker is killed, and nobody notices beyond one retry. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { ANSWER_HEARTBEAT_TIMEOUT_MS } from '../../src/domain/timing.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { createApiClient, type ApiClient } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { createProcesses, type Processes, type RunningProcess } from '../support/processes.ts';

jest.setTimeout(300_000);

const USERS = 8;
const TURNS = 6;
/** A worker that is gone is noticed by its silence; then the next one begins. */
const ONE_RETRY_MS = ANSWER_HEARTBEAT_TIMEOUT_MS + 20_000;

let processes: Processes;
let secondApi: ApiClient;
let workers: RunningProcess[];
beforeAll(async () => {
  processes = await createProcesses();
  processes.llm.answerWith((messages) => async (res) => {
    await delay(500);
    streamText(res, noted(messages));
  });
  const port = await freePort();
  workers = ['1', '2', '3', '4'].map(() => processes.start('worker'));
  const further = processes.start('api', { PORT: String(port) });
  processes.start('api');
  await Promise.all([processes.ready(), further.says(/is up/), ...workers.map((one) => one.says(/is up/))]);
  const baseUrl = `http://127.0.0.1:${port}`;
  secondApi = createApiClient({ ...processes, baseUrl, agentId: processes.agent.id });
}, 240_000);
afterAll(() => processes.close());

/** The reply, and how long it took, by one API and the other in turn. */
async function talk(user: number, n: number): Promise<{ text: string; reply: string; ms: number }> {
  const text = `Message ${n} of ${user}`;
  const client = n % 2 === 0 ? processes : secondApi;
  const startedAt = performance.now();
  const { status, body } = await client.say(text, { userId: `many-${user}` });
  expect(status).toBe(200);
  return { text, reply: (body['reply'] as { text: string }).text, ms: performance.now() - startedAt };
}

test('a worker killed among four costs a retry, and no message', async () => {
  const users = Array.from({ length: USERS }, async (_, user) => {
    const answers = [];
    for (let n = 0; n < TURNS; n += 1) answers.push(await talk(user, n));
    return answers;
  });
  await eventually(() => processes.llm.prompts.length > USERS, { timeoutMs: 60_000 });
  workers[0]?.kill();
  const answers = (await Promise.all(users)).flat();
  for (const { text, reply, ms } of answers) {
    expect(reply).toBe(`Noted: ${text}`);
    expect(ms).toBeLessThan(ONE_RETRY_MS);
  }
  const asked = processes.llm.prompts.map((messages) => messages.at(-1)?.content);
  expect(new Set(asked).size).toBe(USERS * TURNS);
  // What the killed one had asked may be asked once more: one turn a user is open at a time.
  expect(asked.length).toBeLessThanOrEqual(USERS * TURNS + USERS);
  await eventually(
    async () => {
      const { rows } = await processes.database.admin.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM conversation_embeddings WHERE user_id LIKE 'many-%'`,
      );
      return rows[0]?.n === 2 * USERS * TURNS;
    },
    { timeoutMs: 120_000, what: 'two memories of each message' },
  );
});
