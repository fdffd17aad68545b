/** An installation's files and stores before somebody is forgotten, and afterwards. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import pg from 'pg';
import { encryption } from '../../src/config/encryption.ts';
import { parse } from '../../src/config/variables.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { createApiClient, type ApiClient } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { keysOf, placesOf, type Stores } from '../support/every-store.ts';
import { startFakeLlm, type FakeLlm } from '../support/fake-llm.ts';
import { startInstallation, type Installation } from '../support/installation.ts';
import { startCollector, type Collector } from '../support/otlp-collector.ts';
import { exported, imported } from '../support/transfer.ts';
import { createSlackSender, type SlackSender } from '../support/slack-sender.ts';
import { BOT, SIGNING_SECRET, startSlackStandIn, type SlackStandIn } from '../support/slack-stand-in.ts';

jest.setTimeout(400_000);

/** What is planted: in a message over HTTP, as a name in Slack, in a message there and in its thread. */
const WORDS = ['tanzaniteword', 'Rhodonitename', 'sodaliteword', 'hematiteword'] as const;
const [SECRET, NAME, SLACK_SECRET, QUOTED] = WORDS;

let llm: FakeLlm;
let slack: SlackStandIn;
let sender: SlackSender;
let collector: Collector;
let installation: Installation;
let workerUrl = '';
let home = '';
let client: ApiClient;
let stores: Stores & { tenantId: string };
/** The folders with all that the installation keeps. */
let folders: string[];

beforeAll(async () => {
  [llm, slack, collector] = await Promise.all([
    startFakeLlm(),
    startSlackStandIn({ adasName: NAME }),
    startCollector(),
  ]);
  home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-forget-'));
  const workerPort = await freePort();
  workerUrl = `http://127.0.0.1:${workerPort}`;
  installation = await startInstallation(home, {
    LLM_BASE_URL: llm.baseUrl,
    LLM_MODEL: 'recorded',
    LOG_LEVEL: 'trace',
    WORKER_PORT: String(workerPort),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '200',
    SLACK_API_URL: slack.apiUrl,
    SLACK_BOT_TOKEN: BOT.token,
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
  });
  const { demo } = installation;
  client = createApiClient(demo);
  sender = await createSlackSender({ baseUrl: demo.baseUrl, team: slack.team });
  const env = parseEnv(await readFile(path.join(home, 'stack.env'), 'utf8'));
  const { DATABASE_ADMIN_URL, REDIS_URL = '', TEMPORAL_ADDRESS: address = '' } = env;
  stores = {
    admin: new pg.Pool({ connectionString: DATABASE_ADMIN_URL, max: 4 }),
    redis: new Redis(REDIS_URL),
    temporal: lazyClient({ address, namespace: 'default' }, parse({ encryption }, env).encryption.keys),
    tenantId: demo.tenantId,
  };
  // Outside of the home where root runs the test, and Postgres as nobody.
  const { rows } = await stores.admin.query<{ data: string }>(
    `SELECT current_setting('data_directory') AS data`,
  );
  folders = [home, rows[0]?.data ?? ''];
});
afterAll(async () => {
  await Promise.all([stores.admin.end(), stores.temporal.connection.close()]);
  stores.redis.disconnect();
  await installation.interrupt();
  await Promise.all([llm.close(), slack.close(), sender.close(), collector.close()]);
  await rm(home, { recursive: true, force: true });
});

/** The files that hold a word, as UTF-8. */
async function filesWith(folder: string, word: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    // Postgres and Temporal remove files of theirs meanwhile.
    const bytes = await readFile(file).catch(() => Buffer.of());
    if (bytes.includes(word)) found.push(path.relative(folder, file));
  }
  return found;
}
const metrics = async (): Promise<string> => {
  const urls = [installation.demo.baseUrl, workerUrl];
  return (await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()))).join('\n');
};
async function stored(userId: string, memories: number): Promise<void> {
  await eventually(
    async () => ((await client.memoryOf(userId)).body['memories'] as unknown[]).length === memories,
    { timeoutMs: 60_000, what: `${memories} memories of ${userId}` },
  );
}

/** Ada says something in Slack. */
async function tell(channel: string, text: string, more: { type: string; [field: string]: string }) {
  const ts = await slack.say(channel, text, more['thread_ts']);
  const event = { user: slack.people.ada, channel, text, ts, event_ts: ts, ...more };
  expect((await sender.send(event)).status).toBe(200);
}

/**
 * What ada says, over HTTP and in Slack, where she is called into a thread; what she says over HTTP is also
 * imported for grace. The ids of all.
 */
async function plant(): Promise<string[]> {
  await client.say(`My secret is ${SECRET}`, { userId: 'ada' });
  await stored('ada', 2);
  await client.say('What is my secret?', { userId: 'ada' });
  await stored('ada', 4);
  expect(JSON.stringify(llm.prompts.at(-1))).toContain(SECRET);
  const { demo } = installation;
  await imported(demo, demo, 'grace', await exported(demo, demo, 'ada', '?embeddings=false'));
  await stored('grace', 4);
  expect(JSON.stringify((await client.memoryOf('grace')).body['window'])).toContain(SECRET);

  const { channel, direct } = slack.places;
  const thread = await slack.say(channel, `Before: ${QUOTED}`);
  await tell(channel, `<@${BOT.user}> my secret here is ${SLACK_SECRET}`, {
    type: 'app_mention',
    thread_ts: thread,
  });
  const inSlack = `slack:${slack.team}:${slack.people.ada}`;
  await stored(inSlack, 2);
  const asked = JSON.stringify(llm.prompts.at(-1));
  for (const word of [NAME, SLACK_SECRET, QUOTED]) expect(asked).toContain(word);
  await tell(direct, 'and between you and me', { type: 'message', channel_type: 'im' });
  await stored(inSlack, 4);
  await eventually(async () =>
    (await keysOf(stores, stores.tenantId)).some((key) => key.includes(':engaged:')),
  );
  return ['ada', inSlack, 'grace'];
}

test('what was said and who said it is in no store and no file once it is forgotten', async () => {
  // Others' rows lie between hers.
  await client.say('Ben likes tea', { userId: 'ben' });
  const users = await plant();
  await client.say('Ben likes coffee too', { userId: 'ben' });
  await stored('ben', 4);
  // As the server does by itself in time: the planner gets its samples.
  await stores.admin.query('ANALYZE');

  for (const word of WORDS) {
    for (const place of ['temporal', 'logs'])
      expect({ word, place, files: await filesWith(path.join(home, place), word) }).toEqual({
        word,
        place,
        files: [],
      });
    expect(await metrics()).not.toContain(word);
    expect(collector.bodies.join('\n')).not.toContain(word);
  }
  expect(await metrics()).toContain('konstruct_');
  expect(collector.bodies.join('\n')).toContain('HandleMessage');
  expect(await filesWith(path.join(home, 'temporal'), 'binary/encrypted')).not.toEqual([]);
  // Controls: the search finds them where they are.
  for (const word of [SECRET, SLACK_SECRET]) {
    const places = await placesOf(stores, word, { catalogs: true });
    for (const place of ['conversation_embeddings', 'memory:short', ':message:', ':memory:'])
      expect(places).toContainEqual(expect.stringContaining(place));
    expect((await Promise.all(folders.map((folder) => filesWith(folder, word)))).flat()).not.toEqual([]);
  }
  expect(await placesOf(stores, NAME)).not.toEqual([]);

  for (const userId of users) {
    const at = `/v1/agents/${installation.demo.agentId}/users/${encodeURIComponent(userId)}/memory`;
    const { status, body } = await client.request('DELETE', at, undefined, { prefer: 'wait=100' });
    expect([200, 202]).toContain(status);
    await eventually(
      async () =>
        (await client.request('GET', `/v1/erasures/${String(body['erasureId'])}`)).body['finishedAt'],
      { timeoutMs: 240_000, what: 'the receipt' },
    );
  }
  for (const word of WORDS)
    expect({ word, places: await placesOf(stores, word, { catalogs: true }) }).toEqual({ word, places: [] });
  const keys = (await keysOf(stores, stores.tenantId)).join('\n');
  expect(keys).not.toContain(slack.places.direct);
  await stored('ben', 4);

  await sweep();
  for (const word of WORDS) {
    const files = (await Promise.all(folders.map((folder) => filesWith(folder, word)))).flat();
    expect({ word, files }).toEqual({ word, files: [] });
  }
});

/** What docs/PRIVACY.md says that an operator does to see the last of it. */
async function sweep(): Promise<void> {
  await stores.admin.query('VACUUM FULL');
  // The log's segments go once a checkpoint later than theirs is complete.
  for (let i = 0; i < 2; i += 1) {
    await stores.admin.query('SELECT pg_switch_wal()');
    await stores.admin.query('CHECKPOINT');
  }
  await stores.redis.bgrewriteaof();
  await eventually(async () => {
    const info = await stores.redis.info('persistence');
    return /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info);
  });
}
