/** A stream in Slack whose start nobody has heard of: a reply has one message, and no other turn's. */
import { WebAPIPlatformError, WebAPIRequestError, type WebClient } from '@slack/web-api';
import { beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { SlackProgress } from '../../src/channels/slack/address.ts';
import { createGrowing } from '../../src/channels/slack/outbound/growing.ts';
import { plainContent } from '../../src/channels/slack/outbound/outbound-text.ts';
import type { PostRecord, RecordedPost } from '../../src/channels/slack/outbound/post-record.ts';
import { replaceProgress } from '../../src/channels/slack/outbound/reply-in-thread.ts';
import type { Place } from '../../src/channels/slack/outbound/thread-posts.ts';

const log = pino({ level: 'silent' });
const SESSION: SlackProgress = { kind: 'session' };
const words = (word: string, count = 40) => Array.from({ length: count }, (_, i) => `${word}${i}`).join(' ');

type Message = { ts: string; text: string; metadata?: unknown; bot_id: string };
type Asked = { ts: string; text: string; markdown_text: string; metadata?: unknown; oldest: string };

/** A conversation with the agent in Slack. `lost` answers to the next starts never arrive. */
function conversation() {
  const messages: Message[] = [];
  const open = new Set<string>();
  const state = { lost: 0, isCarriedOut: true, starts: 0 };
  const began = Date.now() / 1000;
  const refuse = (error: string): never => {
    throw new WebAPIPlatformError({ ok: false, error });
  };
  const add = (text: string, metadata?: unknown): string => {
    const ts = (began + 10 + messages.length + state.starts).toFixed(6);
    messages.push({ ts, text, bot_id: 'B1', ...(metadata !== undefined && { metadata }) });
    return ts;
  };
  const find = (ts: string) => messages.find((message) => message.ts === ts) ?? refuse('message_not_found');
  const chat = {
    startStream: async ({ markdown_text }: Asked) => {
      state.starts += 1;
      const isLost = state.lost > 0;
      state.lost -= 1;
      if (isLost && !state.isCarriedOut) throw new WebAPIRequestError(new Error('timeout'));
      const ts = add(markdown_text);
      open.add(ts);
      if (isLost) throw new WebAPIRequestError(new Error('timeout'));
      return { ts };
    },
    appendStream: async ({ ts, markdown_text }: Asked) => {
      if (!open.has(ts)) refuse('message_not_in_streaming_state');
      find(ts).text += markdown_text;
    },
    stopStream: async ({ ts }: Asked) => void (open.delete(ts) || refuse('message_not_in_streaming_state')),
    update: async ({ ts, text, metadata }: Asked) => {
      if (open.has(ts)) refuse('streaming_state_conflict');
      Object.assign(find(ts), { text, metadata });
    },
    postMessage: async ({ text, metadata }: Asked) => ({ ts: add(text, metadata) }),
    delete: async ({ ts }: Asked) => void messages.splice(messages.indexOf(find(ts)), 1),
  };
  const client = {
    chat,
    conversations: {
      replies: async ({ oldest }: Asked) => ({ messages: messages.filter(({ ts }) => ts > oldest) }),
    },
    agents: { sessions: { setStatus: async () => ({}) } },
  } as unknown as WebClient;
  return { client, open, state, began, texts: () => messages.map(({ text }) => text) };
}

type Row = RecordedPost & { messageId: string };
let rows: Row[];
let slack: ReturnType<typeof conversation>;
beforeEach(() => {
  rows = [];
  slack = conversation();
});

/** The record of a turn, as Postgres would keep it. */
function recordOf(messageId: string): PostRecord {
  let nth = 0;
  const mine = () => rows.filter((row) => row.messageId === messageId);
  return {
    claim: async ({ part, waiting = false }) => {
      if (mine().some((row) => row.part === part && row.nth === nth)) return undefined;
      const key = { messageId, part, piece: 0, nth, pieces: 1 };
      const row: Row = { ...key, waiting, state: 'trying', ts: null, triedAt: new Date() };
      rows.push(row);
      nth += 1;
      const posted = (ts: string) => void Object.assign(row, { state: 'posted', ts });
      return { posted, gone: () => void (row.state = 'gone') };
    },
    read: async () => {
      nth = mine().length;
      return { posts: mine().map((row) => ({ ...row })), isWhole: true };
    },
    readOthers: async () => {
      const others = rows.filter((row) => row.messageId !== messageId);
      const isTrying = others.some(({ state }) => state === 'trying');
      return { posted: others.flatMap(({ ts }) => ts ?? []), isTrying };
    },
    settle: ({ nth: which }, ts) => {
      const row = mine().find((one) => one.nth === which);
      Object.assign(row ?? {}, { state: ts === undefined ? 'gone' : 'posted', ts: ts ?? null });
    },
    deleted: (ts) => rows.filter((row) => row.ts === ts).forEach((row) => (row.state = 'gone')),
    written: async () => undefined,
  };
}

function turn(messageId: string, record = recordOf(messageId)) {
  const ts = slack.began.toFixed(6);
  const place: Place = {
    client: slack.client,
    address: { team: 'T1', channel: 'D1', threadTs: ts, eventTs: ts, surface: 'im' },
    record,
    name: undefined,
    hasPeople: false,
  };
  const grow = createGrowing({ tenantId: 't', userId: 'u' }, { messageId, part: 0 });
  let progress = SESSION;
  return {
    grow: async (text: string) => {
      progress = await grow(place, progress, text).catch(() => progress);
    },
    /** By the next step, in another process; `uncertain` is one that doesn't know of a stream. */
    deliver: async (text: string, { uncertain = false } = {}) => {
      const laidOut = [{ part: 0, markdown: text, contents: [plainContent(text)] }];
      const now = { place: { ...place, record: recordOf(messageId) }, progress, uncertain };
      await replaceProgress({ ...now, log, messageId, text, laidOut, buttons: undefined });
    },
  };
}

test('a stream whose start was not heard is not begun again while the reply grows', async () => {
  const one = turn('one');
  slack.state.lost = 1;
  for (const count of [20, 30, 40]) await one.grow(words('one', count));
  expect(slack.state.starts).toBe(1);
  await one.deliver('The reply.', { uncertain: true });
  expect(slack.texts()).toEqual(['The reply.']);
  expect(slack.open.size).toBe(0);
});

test('one that Slack refuses for the time being is', async () => {
  const one = turn('one');
  const startStream = slack.client.chat.startStream.bind(slack.client.chat);
  slack.client.chat.startStream = async () => {
    slack.client.chat.startStream = startStream;
    throw new WebAPIPlatformError({ ok: false, error: 'ratelimited' });
  };
  for (const count of [20, 30]) await one.grow(words('one', count));
  expect(slack.state.starts).toBe(1);
  await one.deliver('The reply.');
  expect(slack.texts()).toEqual(['The reply.']);
});

test('of several that were begun one gets the reply; the others are ended, and go', async () => {
  const record = recordOf('one');
  slack.state.lost = 3;
  for (const _ of [1, 2, 3]) await turn('one', record).grow(words('one'));
  expect(slack.open.size).toBe(3);
  await turn('one').deliver('The reply.', { uncertain: true });
  expect(slack.texts()).toEqual(['The reply.']);
  expect(slack.open.size).toBe(0);
});

test.each([
  { what: 'and was carried out', isCarriedOut: true },
  { what: 'and was not carried out', isCarriedOut: false },
])(
  'a start was not heard $what, and the next turn streams in the same thread: each has its reply',
  async ({ isCarriedOut }) => {
    const [one, two] = [turn('one'), turn('two')];
    Object.assign(slack.state, { lost: 1, isCarriedOut });
    await one.grow(words('one'));
    await two.grow(words('two', 20));
    await one.deliver('The first reply.', { uncertain: true });
    await two.grow(words('two'));
    await two.deliver('The second reply.');
    expect(slack.texts().toSorted()).toEqual(['The first reply.', 'The second reply.']);
    expect(slack.open.size).toBe(0);
  },
);

test('while another turn has not heard either, none is taken: both replies come, whatever stays beside them', async () => {
  const [one, two] = [turn('one'), turn('two')];
  slack.state.lost = 2;
  await one.grow(words('one'));
  await two.grow(words('two'));
  await one.deliver('The first reply.', { uncertain: true });
  await two.deliver('The second reply.', { uncertain: true });
  expect(slack.texts()).toEqual(expect.arrayContaining(['The first reply.', 'The second reply.']));
});
