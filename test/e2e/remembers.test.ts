import { mkdtemp, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { startFakeLlm, type FakeLlm } from '../support/fake-llm.ts';
import {
  isRunning,
  startInstallation,
  TEMPORAL_PROCESSES,
  type Installation,
} from '../support/installation.ts';

jest.setTimeout(180_000);

const HAS_IPV6 = Object.values(os.networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

let llm: FakeLlm;
let home: string;
let installation: Installation | undefined;
const start = async (env: Record<string, string> = {}) => {
  const model = { LLM_BASE_URL: llm.baseUrl, LLM_MODEL: 'recorded' };
  installation = await startInstallation(home, { ...model, ...env });
  return installation;
};
beforeAll(async () => {
  llm = await startFakeLlm();
  home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-e2e-'));
});
afterAll(async () => {
  await installation?.interrupt();
  await rm(home, { recursive: true, force: true });
  await llm.close();
});

test('a fact, 25 other messages, a restart of everything, a question: the fact is recalled and prompted', async () => {
  const first = await start();
  const fact = 'My daughter Mila plays the cello in the school orchestra';
  expect((await first.say(fact)).status).toBe(200);
  for (let i = 0; i < 25; i += 1) {
    expect((await first.say(`Order ${i + 3} boxes of printer paper for floor ${i}`)).status).toBe(200);
  }
  await eventually(
    async () => ((await first.memoryOf('ada', '?limit=200')).body['memories'] as unknown[]).length === 52,
  );
  const pids = Object.values(await first.pids());
  expect(Object.keys(await first.pids()).sort()).toEqual([
    'api',
    'postgres',
    'redis',
    ...TEMPORAL_PROCESSES,
    'worker',
  ]);
  expect(await first.interrupt()).toBe(0);
  for (const pid of pids) expect(await isRunning(pid)).toBe(false);

  const second = await start({ HOST: HAS_IPV6 ? '::1' : 'localhost' });
  expect(new URL(second.demo.baseUrl).hostname).toBe(HAS_IPV6 ? '[::1]' : 'localhost');
  expect(second.demo).toMatchObject({ tenantId: first.demo.tenantId, apiKey: first.demo.apiKey });
  const { body } = await second.say('Which instrument does my daughter play?');
  const { recalled, windowSize } = body['memory'] as {
    recalled: Array<{ content: string }>;
    windowSize: number;
  };
  expect(windowSize).toBe(20);
  expect(recalled.map(({ content }) => content)).toContain(fact);
  const prompt = llm.prompts.at(-1) ?? [];
  expect(prompt.map(({ role }) => role).slice(0, 2)).toEqual(['system', 'user']);
  expect(prompt[0]?.content).toContain(fact);
  expect(prompt).toHaveLength(22);
});

test('what dies is restarted within 5 s and the files are the owner’s alone', async () => {
  const running = installation ?? (await start());
  for (const name of ['worker', 'api', 'redis']) {
    const old = (await running.pids())[name];
    if (old === undefined) throw new Error(`${name} has no pid`);
    process.kill(old, 'SIGKILL');
    await eventually(
      async () => {
        const pid = (await running.pids())[name];
        return pid !== undefined && pid !== old && isRunning(pid);
      },
      { timeoutMs: 5_000 },
    );
  }
  await eventually(
    async () => {
      const answer = await running.get('/readyz').catch(() => undefined);
      return answer?.status === 200;
    },
    { timeoutMs: 30_000 },
  );
  expect((await running.say('Still there?')).body).toMatchObject({
    state: 'done',
    memory: { windowSize: 20 },
  });
  for (const name of ['demo.json', 'pids.json', 'stack.env']) {
    expect(((await stat(path.join(home, name))).mode & 0o777).toString(8)).toBe('600');
  }
});
