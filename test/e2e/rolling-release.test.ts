/** One build of the worker takes over from another under load: nothing is lost, nothing is done twice. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { connectClient } from '../../src/temporal/connection.ts';
import { eventually } from '../support/eventually.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { createProcesses, type Processes } from '../support/processes.ts';
import { encryptionConfig, temporalConfig } from '../support/services.ts';

jest.setTimeout(300_000);

const RELEASE = fileURLToPath(new URL('../../cli/release.ts', import.meta.url));
const USERS = 6;

let processes: Processes;
let temporal: Client;
beforeAll(async () => {
  processes = await createProcesses();
  temporal = await connectClient(temporalConfig(), encryptionConfig().keys);
});
afterAll(async () => {
  await temporal.connection.close();
  await processes.close();
});

/** `npm run release -- BUILD`. */
async function release(build: string): Promise<string> {
  const { address, namespace } = temporalConfig();
  const env = { PATH: process.env['PATH'], TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
  const { stdout } = await promisify(execFile)(process.execPath, [RELEASE, build], { env });
  return stdout;
}

test('a rolling release under load loses nothing, and doubles nothing', async () => {
  const { llm } = processes;
  // Slow enough for turns to be open at any moment, and for users to stay within their rate limit.
  llm.answerWith((messages) => async (res) => {
    await delay(1_000);
    streamText(res, noted(messages));
  });
  const first = processes.start('worker', { WORKER_BUILD_ID: 'one' });
  processes.start('api');
  expect(await release('one')).toBe('build one gets the work\n');
  await processes.ready();

  const sent: { text: string; messageId: string }[] = [];
  let sending = true;
  const load = Promise.all(
    Array.from({ length: USERS }, async (_, user) => {
      for (let n = 0; sending; n += 1) {
        const text = `Message ${n} of ${user}`;
        // One turn a user is open: more would pile up on a machine under load.
        const { status, body } = await processes.say(text, { userId: `roller-${user}` });
        expect([200, 202]).toContain(status);
        sent.push({ text, messageId: String(body['messageId']) });
      }
    }),
  );
  await eventually(() => sent.length > 20, { timeoutMs: 60_000 });
  const second = processes.start('worker', { WORKER_BUILD_ID: 'two' });
  await second.says(/worker is up/);
  await release('two');
  // The old one ends what it has begun, in the middle of its work.
  expect(await first.terminate()).toBe(0);
  const atHandOver = sent.length;
  await eventually(() => sent.length > atHandOver + 20, { timeoutMs: 60_000 });
  sending = false;
  await load;

  const stored = async () => {
    const { rows } = await processes.database.admin.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM conversation_embeddings WHERE user_id LIKE 'roller-%'`,
    );
    return rows[0]?.n === 2 * sent.length;
  };
  await eventually(stored, { timeoutMs: 120_000, what: 'two memories of each message' });
  const answers = await Promise.all(
    sent.map(({ messageId }) => processes.request('GET', `/v1/messages/${messageId}`)),
  );
  expect(answers.map(({ body }) => [body['state'], (body['reply'] as { text: string }).text])).toEqual(
    sent.map(({ text }) => ['done', `Noted: ${text}`]),
  );
  const asked = llm.prompts.map((messages) => messages.at(-1)?.content);
  expect(new Set(asked).size).toBe(sent.length);
  // A call that died with its worker may be asked again; none has, since the old one drained.
  expect(asked).toHaveLength(sent.length);
  // The list of workflows is a little behind.
  const running = `WorkflowType = 'HandleMessage' AND ExecutionStatus = 'Running'`;
  await eventually(async () => (await temporal.workflow.count(running)).count === 0, { timeoutMs: 30_000 });
});
