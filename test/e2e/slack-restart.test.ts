/** The worker is a process of its own here, and is killed at the worst moments. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { chunk } from '../support/fake-llm.ts';
import { modelsPath, redisUrl, temporalConfig } from '../support/services.ts';
import { eventually, startSlackDeployment, type SlackDeployment } from '../support/slack-deployment.ts';
import { BOT } from '../support/slack-stand-in.ts';
import { talk } from '../support/slack-talk.ts';

let deployment: SlackDeployment;
let ada: ReturnType<typeof talk>;
const workers: ChildProcess[] = [];
beforeAll(async () => {
  deployment = await startSlackDeployment({ withWorker: false, agent: { name: 'Mara', liveReplies: true } });
  ada = talk(deployment);
});
afterEach(killWorkers);
afterAll(() => deployment.close());

async function startWorker(): Promise<ChildProcess> {
  const { address, namespace } = temporalConfig();
  const worker = spawn(process.execPath, ['src/worker.ts'], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: deployment.database.url,
      REDIS_URL: redisUrl(),
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      KONSTRUCT_MODELS: modelsPath(),
      LLM_BASE_URL: deployment.llm.baseUrl,
      LLM_MODEL: 'scripted',
      SLACK_API_URL: deployment.slack.apiUrl,
      SLACK_BOT_TOKEN: BOT.token,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  workers.push(worker);
  await new Promise<void>((resolve, reject) => {
    worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
    worker.stdout?.on('data', (data: Buffer) => data.includes('worker is up') && resolve());
  });
  return worker;
}

async function killWorkers(): Promise<void> {
  for (const worker of workers.splice(0)) {
    if (worker.exitCode !== null || worker.signalCode !== null) continue;
    worker.kill('SIGKILL');
    await once(worker, 'exit');
  }
}

test.each(['chat.postMessage', 'chat.update'])(
  'killed between the acceptance of %s and its record: one message',
  async (method) => {
    deployment.llm.answerWith((messages) => `Noted: ${messages.at(-1)?.content}`);
    const worker = await startWorker();
    const said = await ada.mention(`die at ${method}`);
    deployment.slack.fail(method, { kind: 'drop-after-acceptance', accepted: () => worker.kill('SIGKILL') });
    await deployment.send(said.event);
    await once(worker, 'exit');
    await startWorker();
    expect(await ada.answers(said, 1, 30_000)).toEqual([`Noted: die at ${method}`]);
    await eventually('the turn is done', turnsAreDone, 30_000);
    expect(await deployment.slack.answers(said.channel, said.thread)).toHaveLength(1);
    expect(ada.posts(said)).toHaveLength(1);
  },
);

test('a reply grows in its message; killed midway, and once more by the stream, it ends in the same one', async () => {
  const words = Array.from({ length: 200 }, (_, i) => `word${i}`);
  let attempts = 0;
  deployment.llm.answerWith(() => async (res) => {
    attempts += 1;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [i, word] of words.entries()) {
      if (attempts === 2 && i === 20) {
        res.destroy();
        return;
      }
      res.write(chunk({ content: `${word} ` }));
      await new Promise((resolve) => setTimeout(resolve, attempts === 1 ? 30 : 5));
    }
    res.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
  });
  const worker = await startWorker();
  const said = await ada.mention('tell me a long story');
  await deployment.send(said.event);
  const updates = () =>
    deployment.slack.callsOf('chat.update').filter(({ body }) => body['text']?.includes('word0'));
  await eventually('two updates', () => updates().length >= 2);
  const [first, second] = updates();
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_500);
  expect(second?.body['text']?.length).toBeGreaterThan(first?.body['text']?.length ?? 0);
  worker.kill('SIGKILL');
  await once(worker, 'exit');
  await startWorker();
  const whole = words.join(' ');
  await eventually(
    'the whole reply',
    async () =>
      (await deployment.slack.answers(said.channel, said.thread)).some(({ text }) => text === whole),
    45_000,
  );
  expect(attempts).toBe(3);
  expect(await deployment.slack.answers(said.channel, said.thread)).toHaveLength(1);
  expect(ada.posts(said)).toHaveLength(1);
});

async function turnsAreDone(): Promise<boolean> {
  const { rows } = await deployment.database.admin.query(`SELECT 1 FROM turns WHERE state <> 'done'`);
  return rows.length === 0;
}
