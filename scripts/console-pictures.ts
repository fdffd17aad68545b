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
import pg from 'pg';
import { launchBrowser } from '../local/chromium.ts';
import type { Demo } from '../local/demo.ts';
import { poll } from '../local/stack/report.ts';
import { withoutSettings } from '../local/stack/without-settings.ts';
import { freePort } from '../src/lib/free-port.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const READY_WITHIN_MS = 120_000;
const SIZE = { width: 1180, height: 760 };
const HOURS = 24;

/** What is said, and what the model is made to answer. */
const TALK = [
  [
    'Hi, I am Ada. I ride a blue Dutch bicycle with a brass bell.',
    'Hello Ada! Blue with a brass bell: noted.',
  ],
  [
    'The chain was changed in May, and the brakes squeak when it rains.',
    'I will have both in mind next time.',
  ],
  ['Saturdays suit me best, before noon.', 'Saturday mornings it is.'],
] as const;
const FILLER = 12;
/** Of what others say, the model answers all but this. */
const REFUSED = 'part 31 ';
const QUESTION = 'Which bicycle is mine, and what was wrong with it?';
const ANSWER =
  'Yours is the blue Dutch one with the brass bell. Its brakes squeak when it rains; the chain was changed in May.';

const model = http.createServer((req, res) => {
  void text(req).then((body) => {
    const { messages } = JSON.parse(body) as { messages: Array<{ content: string }> };
    const asked = messages.at(-1)?.content ?? '';
    if (asked.includes(REFUSED)) {
      res.writeHead(400, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ error: { message: 'refused' } }));
      return;
    }
    const content = asked.includes(QUESTION)
      ? ANSWER
      : (TALK.find(([said]) => asked.includes(said))?.[1] ?? 'Done.');
    const send = (fields: object): void => void res.write(`data: ${JSON.stringify(fields)}\n\n`);
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    send({ model: 'gpt-4o-mini', choices: [{ index: 0, delta: { content } }] });
    send({ model: 'gpt-4o-mini', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
    send({ choices: [], usage: { prompt_tokens: 612, completion_tokens: 31, total_tokens: 643 } });
    res.end('data: [DONE]\n\n');
  });
});

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
  for (let i = 0; i < FILLER; i += 1)
    await say('ada', `Please order ${i + 2} inner tubes for shelf ${i + 1}.`);
  for (let i = 0; i < 4 * HOURS; i += 1) await say(`customer-${i % 9}`, `Is part ${i} in stock?`);
}

/** Moves the turns of others into the hours before, as if they had been said then. */
async function spreadOverTheDay(): Promise<void> {
  const env = await readFile(path.join(home, 'stack.env'), 'utf8');
  const connectionString = /^DATABASE_ADMIN_URL=(.*)$/m.exec(env)?.[1]?.replaceAll(/^['"]|['"]$/g, '');
  if (connectionString === undefined) throw new Error('stack.env names no database');
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    // More in the middle of the day than at its ends.
    await client.query(
      `UPDATE turns SET received_at = received_at - make_interval(hours =>
         abs(hashtext(message_id::text)) % ${HOURS / 2} + abs(hashtext(message_id::text || '-')) % ${HOURS / 2})
       WHERE user_id LIKE 'customer-%'`,
    );
  } finally {
    await client.end();
  }
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
