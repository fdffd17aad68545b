/** Back up, lose everything, restore, with the commands of docs/DEPLOYMENT.md: a conversation goes on. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startStack } from '../../local/stack/index.ts';
import { findPostgres } from '../../local/stack/postgres-binaries.ts';
import { createApiClient } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { startFakeLlm, type FakeLlm } from '../support/fake-llm.ts';
import { startInstallation, type Installation } from '../support/installation.ts';

jest.setTimeout(240_000);

const run = promisify(execFile);
const FACT = 'My daughter Mila plays the cello in the school orchestra';
const QUESTION = 'Which instrument does my daughter play?';

let llm: FakeLlm;
let folder: string;
let installation: Installation | undefined;
beforeAll(async () => {
  llm = await startFakeLlm();
  folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-backup-'));
});
afterAll(async () => {
  await installation?.interrupt();
  await llm.close();
  await rm(folder, { recursive: true, force: true });
});

/** The commands below a heading of the page. */
async function commandsOf(heading: string): Promise<string> {
  const page = await readFile(new URL('../../docs/DEPLOYMENT.md', import.meta.url), 'utf8');
  const commands = page.split(`### ${heading}\n`)[1]?.split('```sh\n')[1]?.split('```')[0];
  if (!commands) throw new Error(`docs/DEPLOYMENT.md has no commands below ${heading}`);
  return commands;
}

async function carryOut(heading: string, env: Record<string, string | undefined>): Promise<void> {
  const context = { env: process.env, log: () => undefined, signal: new AbortController().signal };
  const { postgres } = await findPostgres(context, undefined, undefined);
  const PATH = `${path.dirname(postgres)}:${process.env['PATH']}`;
  await run('bash', ['-euc', await commandsOf(heading)], { env: { ...env, PATH } });
}

const start = async (home: string): Promise<Installation> => {
  installation = await startInstallation(home, { LLM_BASE_URL: llm.baseUrl, LLM_MODEL: 'recorded' });
  return installation;
};

test('dumped, wiped and restored: memory, window and ledger are what they were', async () => {
  const [first, second, backup] = ['first', 'second', 'backup'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(backup);
  const before = await start(first);
  await before.say(FACT);
  await before.say('Order three boxes of printer paper');
  const key = { 'idempotency-key': randomUUID(), prefer: 'wait=60' };
  const clientBefore = createApiClient(before.demo);
  const once = await clientBefore.postMessage('ada', 'And a new kettle', key);
  expect(once).toMatchObject({ status: 200, body: { state: 'done' } });
  const remembered = async (from: Installation) =>
    (await from.memoryOf('ada', '?limit=50')).body['memories'] as unknown[];
  await eventually(async () => (await remembered(before)).length === 6);
  const memories = await remembered(before);

  const urls = parseEnv(await readFile(path.join(first, 'stack.env'), 'utf8'));
  await carryOut('Backing up', { ...urls, BACKUP: backup, REDIS_DATA: path.join(first, 'redis') });
  for (const name of ['secrets.json', 'demo.json'])
    await copyFile(path.join(first, name), path.join(backup, name));
  expect(await before.interrupt()).toBe(0);
  await rm(first, { recursive: true });

  await mkdir(second);
  for (const name of ['secrets.json', 'demo.json'])
    await cp(path.join(backup, name), path.join(second, name));
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  const stack = await startStack({ home: second, want: ['postgres'], env, log: () => undefined });
  await carryOut('Restoring', { ...stack.urls, BACKUP: backup, REDIS_DATA: path.join(second, 'redis') });
  await stack.stop();

  const after = await start(second);
  expect(after.demo).toMatchObject({ tenantId: before.demo.tenantId, apiKey: before.demo.apiKey });
  expect(await remembered(after)).toEqual(memories);
  // What was sent before is known, though Temporal has begun anew.
  const again = await createApiClient(after.demo).postMessage('ada', 'And a new kettle', key);
  expect(again.body['messageId']).toBe(once.body['messageId']);
  const { body } = await after.say(QUESTION);
  expect(body).toMatchObject({ state: 'done', memory: { windowSize: 6 } });
  const prompt = llm.prompts.at(-1)?.map(({ content }) => content) ?? [];
  expect(prompt.join('\n')).toContain(FACT);
});
