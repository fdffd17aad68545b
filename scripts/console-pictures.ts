/**
 * `npm run docs:console`: the pictures of the console in docs/images, taken from an installation of its own
 * that people have talked to.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import { launchBrowser } from '../local/chromium.ts';
import type { Demo } from '../local/demo.ts';
import { CHROMIUM, provideAll } from '../local/stack/distribution.ts';
import { poll } from '../local/stack/report.ts';
import { withoutSettings } from '../local/stack/without-settings.ts';
import { freePort } from '../src/lib/free-port.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const READY_WITHIN_MS = 120_000;
const SIZE = { width: 1320, height: 800 };
const HOURS = 24;

/** What a customer says, and what the model is made to answer. */
const TALK = [
  [
    'Hi, I am Ada. I ride a blue Dutch bicycle with a brass bell.',
    'Hello Ada! Blue with a brass bell: noted.',
  ],
  [
    'The chain of my bicycle was changed in May, and its brakes squeak when it rains.',
    'I will have both in mind.',
  ],
  ['Saturdays suit me best, before noon.', 'Saturday mornings it is.'],
] as const;
const TALK_LATER = [
  ['Do you have inner tubes for 28 inches?', 'Yes, four of them, and two with a long valve.'],
  ['Please put one aside for me.', 'One is put aside under your name.'],
] as const;
const QUESTION = 'Which bicycle is mine, and what was wrong with it?';
const ANSWER =
  'Yours is the blue Dutch one with the brass bell. Its brakes squeak when it rains; the chain was changed in May.';
/** What others say and ask; some of it the model does not answer. */
const PARTS = [
  'saddle',
  'pedal',
  'fork',
  'rim',
  'hub',
  'spoke',
  'stem',
  'grip',
  'lamp',
  'rack',
  'crank',
  'brake',
];
const REFUSED = ['Where is the stem?', 'Where is the grip?'];

const model = http.createServer((req, res) => {
  void text(req).then((body) => {
    const { messages } = JSON.parse(body) as { messages: Array<{ content: string }> };
    const asked = messages.at(-1)?.content ?? '';
    if (REFUSED.includes(asked)) {
      res.writeHead(400, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ error: { message: 'refused' } }));
      return;
    }
    const known = new Map<string, string>([...TALK, ...TALK_LATER, [QUESTION, ANSWER]]);
    const content = known.get(asked) ?? 'Noted.';
    const send = (fields: object): void => void res.write(`data: ${JSON.stringify(fields)}\n\n`);
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    send({ model: 'gpt-4o-mini', choices: [{ index: 0, delta: { content } }] });
    send({ model: 'gpt-4o-mini', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
    send({ choices: [], usage: { prompt_tokens: 612, completion_tokens: 31, total_tokens: 643 } });
    res.end('data: [DONE]\n\n');
  });
});

const lacking = await provideAll(
  { env: process.env, log: console.log, signal: new AbortController().signal },
  [CHROMIUM],
);
for (const why of lacking.values()) {
  console.error(why);
  process.exit(1);
}
await new Promise<void>((resolve) => model.listen(0, '127.0.0.1', resolve));
const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-pictures-'));
const port = await freePort();
const konstruct = spawn(process.execPath, [path.join(ROOT, 'local', 'start.ts')], {
  stdio: 'inherit',
  env: {
    ...withoutSettings(process.env),
    KONSTRUCT_HOME: home,
    PORT: String(port),
    LLM_BASE_URL: `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`,
    LLM_MODEL: 'gpt-4o-mini',
  },
});
try {
  const baseUrl = `http://127.0.0.1:${port}`;
  const isReady = () => fetch(`${baseUrl}/readyz`).then(({ ok }) => ok);
  if (!(await poll(isReady, READY_WITHIN_MS))) throw new Error('Konstruct is not ready');
  const demo = JSON.parse(await readFile(path.join(home, 'demo.json'), 'utf8')) as Demo;
  await talk(demo);
  await spreadOverTheDay();
  await takePictures(demo);
} finally {
  konstruct.kill('SIGINT');
  await once(konstruct, 'exit');
  model.close();
  await rm(home, { recursive: true, force: true });
}

async function talk({ baseUrl, agentId, apiKey }: Demo): Promise<void> {
  const call = async (method: string, at: string, body: object): Promise<void> => {
    const headers = {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      prefer: 'wait=60',
    };
    const response = await fetch(baseUrl + at, { method, headers, body: JSON.stringify(body) });
    if (!response.ok && response.status !== 502) throw new Error(`${method} ${at}: ${await response.text()}`);
  };
  await call('PATCH', `/v1/agents/${agentId}`, { name: 'Mara', jobTitle: 'Support engineer' });
  const say = (userId: string, said: string) =>
    call('POST', `/v1/agents/${agentId}/messages`, { userId, text: said });
  for (const [said] of TALK) await say('ada', said);
  const customers = PARTS.map((part, i) => ({ userId: `customer-${i}`, part }));
  for (const { userId, part } of customers) {
    for (let i = 1; i <= 5; i += 1) await say(userId, `Box ${i} has screws of size ${i}.`);
    await say(userId, `The ${part} lies on shelf ${part.length}.`);
  }
  await remembered();
  await clearWindows();
  for (const [said] of TALK_LATER) await say('ada', said);
  for (const { userId, part } of customers) {
    await say(userId, `Where is the ${part}?`);
    await say(userId, `On which shelf did I put the ${part}?`);
  }
}

/** Until all that was said is in long-term memory. */
async function remembered(): Promise<void> {
  const isDone = async () =>
    (await inDatabase(`SELECT FROM turns WHERE kind = 'message' AND state = 'accepted'`)).rowCount === 0;
  if (!(await poll(isDone, READY_WITHIN_MS))) throw new Error('what was said is not remembered');
}

/** As if much else had been said since: what was said is to be recalled. */
async function clearWindows(): Promise<void> {
  const redis = new Redis(await urlOf('REDIS_URL'));
  await redis.flushdb();
  redis.disconnect();
}

async function urlOf(name: string): Promise<string> {
  const env = await readFile(path.join(home, 'stack.env'), 'utf8');
  const line = env.split('\n').find((known) => known.startsWith(`${name}=`));
  if (line === undefined) throw new Error(`stack.env has no ${name}`);
  return line.slice(name.length + 1).replaceAll(/^['"]|['"]$/g, '');
}

async function inDatabase(sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: await urlOf('DATABASE_ADMIN_URL') });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Moves the turns of others into the hours before, as if they had been said then. */
async function spreadOverTheDay(): Promise<void> {
  // More in the middle of the day than at its ends.
  await inDatabase(
    `UPDATE turns SET received_at = received_at - make_interval(hours =>
       abs(hashtext(message_id::text)) % ${HOURS / 2} + abs(hashtext(message_id::text || '-')) % ${HOURS / 2})
     WHERE user_id LIKE 'customer-%'`,
  );
}

async function takePictures({ baseUrl, agentId, apiKey }: Demo): Promise<void> {
  const browser = await launchBrowser();
  const context = await browser.newContext({ baseURL: baseUrl, viewport: SIZE, colorScheme: 'light' });
  const page = await context.newPage();
  const picture = (name: string) =>
    page.screenshot({ path: path.join(ROOT, 'docs', 'images', `console-${name}.png`) });
  await page.goto('/');
  await page.getByLabel('Key or token').fill(apiKey);
  await page.keyboard.press('Enter');
  await page.getByText('Time by step').waitFor();
  await page.waitForLoadState('networkidle');
  await picture('overview');
  await page.goto(`/console/chat/${agentId}/ada`);
  await page.getByLabel('Message to Mara').fill(QUESTION);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Why?' }).click();
  await page.getByRole('dialog').getByRole('heading', { name: 'Time' }).waitFor();
  await picture('chat');
  await page.goto(`/console/memory/${agentId}/ada`);
  await page.getByRole('row').first().waitFor();
  await picture('memory');
  await browser.close();
}
