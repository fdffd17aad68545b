/**
 * `npm start` with two tokens talks in Slack by Socket Mode; a thread that a person has taken over stays
 * theirs, whatever is killed and started anew.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { HAND_BACK } from '../../src/channels/slack/handover/tell-people.ts';
import { HANDED_BACK_LINE, HANDED_OVER_LINE, PLACEHOLDER } from '../../src/domain/words.ts';
import { createApiClient } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { startFakeLlm, type FakeLlm } from '../support/fake-llm.ts';
import { startInstallation, type Installation } from '../support/installation.ts';
import { startSlackSocket, type SlackSocket } from '../support/slack-socket.ts';
import { BOT, startSlackStandIn, type SlackStandIn } from '../support/slack-stand-in.ts';

jest.setTimeout(240_000);

let llm: FakeLlm;
let slack: SlackStandIn;
let socket: SlackSocket;
let home: string;
let installation: Installation | undefined;
beforeAll(async () => {
  llm = await startFakeLlm();
  slack = await startSlackStandIn();
  socket = await startSlackSocket(slack.team);
  slack.connectTo(socket.url);
  home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-slack-'));
});
afterAll(async () => {
  await installation?.interrupt();
  await Promise.all([llm.close(), socket.close(), slack.close(), rm(home, { recursive: true, force: true })]);
});

async function start(): Promise<Installation> {
  installation = await startInstallation(home, {
    LLM_BASE_URL: llm.baseUrl,
    LLM_MODEL: 'recorded',
    SLACK_API_URL: slack.apiUrl,
    SLACK_BOT_TOKEN: BOT.token,
    SLACK_APP_TOKEN: 'xapp-of-the-tests',
  });
  await connected();
  return installation;
}
const connected = () =>
  eventually(() => socket.connections() === 1, { timeoutMs: 60_000, what: 'a connection' });

const user = () => slack.people.ada;
/** Somebody writes in a thread, or begins one; gives its `ts`. */
async function write(text: string, thread?: string): Promise<string> {
  const { channel } = slack.places;
  const ts = await slack.say(channel, text, thread);
  const type = thread === undefined ? 'app_mention' : 'message';
  const event = { type, user: user(), channel, text, ts, event_ts: ts, ...(thread && { thread_ts: thread }) };
  await socket.deliver(event);
  return ts;
}
const answers = async (thread: string) =>
  (await slack.answers(slack.places.channel, thread)).map(({ text }) => text);
const says = (thread: string, text: string) =>
  eventually(async () => (await answers(thread)).at(-1) === text, { timeoutMs: 60_000, what: text });
const remembers = (text: string) =>
  eventually(
    async () => {
      const { body } = (await installation?.memoryOf(`slack:${slack.team}:${user()}`, '?limit=200')) ?? {};
      return (body?.['memories'] as Array<{ content: string }> | undefined)?.some(
        ({ content }) => content === text,
      );
    },
    { timeoutMs: 60_000, what: `"${text}" in memory` },
  );

test('handed over, everything killed, then stopped and started anew: silent until it is handed back', async () => {
  const first = await start();
  const thread = await write(`<@${BOT.user}> I need help`);
  await says(thread, 'Noted: I need help');

  const threadId = `slack:${slack.team}:${slack.places.channel}:${thread}`;
  const client = createApiClient(first.demo);
  const taken = await client.request('POST', `/v1/threads/${encodeURIComponent(threadId)}/escalation`);
  expect(taken.status).toBe(200);
  await says(thread, HANDED_OVER_LINE);

  const killed = await first.pids();
  for (const pid of Object.values(killed)) process.kill(pid, 'SIGKILL');
  await eventually(
    async () => Object.entries(await first.pids()).every(([name, pid]) => pid !== killed[name]),
    { timeoutMs: 60_000, what: 'processes that are started again' },
  );
  await eventually(async () => (await first.get('/readyz').catch(() => undefined))?.status === 200, {
    timeoutMs: 60_000,
    what: 'a /readyz that says 200',
  });
  await connected();
  await write('it is about my order', thread);
  await remembers('it is about my order');
  expect((await answers(thread)).at(-1)).toBe(HANDED_OVER_LINE);

  expect(await first.interrupt()).toBe(0);
  await start();
  await write('number 4711', thread);
  await remembers('number 4711');
  expect(await answers(thread)).toEqual(['Noted: I need help', HANDED_OVER_LINE]);

  const clicked = await socket.click({
    type: 'block_actions',
    user: { id: user(), team_id: slack.team },
    team: { id: slack.team },
    channel: { id: slack.places.channel },
    message: { ts: thread, thread_ts: thread },
    actions: [{ type: 'button', action_id: HAND_BACK, value: threadId }],
  });
  expect(clicked).toBe(true);
  await says(thread, HANDED_BACK_LINE);
  await write('are you back?', thread);
  await says(thread, 'Noted: are you back?');
  expect(await answers(thread)).not.toContain(PLACEHOLDER);
  expect(JSON.stringify(llm.prompts.at(-1))).toContain('number 4711');
});
