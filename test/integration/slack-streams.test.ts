/**
 * A reply that grows in a conversation with the agent is a stream; one that dies, or whose worker does, ends
 * well.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { NO_REPLY } from '../../src/domain/words.ts';
import { eventually } from '../support/eventually.ts';
import { chunk, noted } from '../support/fake-llm.ts';
import { talk } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let system: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  system = await startSystem({ slack: true, agent: { name: 'Mara', liveReplies: true } });
  system.slack.declareAgent(true);
  ada = talk(system);
});
afterAll(() => system.stop());

const WORDS = Array.from({ length: 120 }, (_, i) => `word${i}`);
/** The model writes slowly: 120 words in some five seconds. */
const slowly =
  (words: readonly string[] = WORDS) =>
  () =>
  async (res: ServerResponse): Promise<void> => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const word of words) {
      res.write(chunk({ content: `${word} ` }));
      await new Promise((resolve) => setTimeout(resolve, 45));
    }
    res.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
  };
const callsOf = (method: string) => system.slack.callsOf(method).length;

test('it grows by appending, and ends as one message, with the session open', async () => {
  system.llm.answerWith(slowly());
  const said = await ada.direct('a story');
  await system.send(said.event);
  await eventually(() => callsOf('chat.appendStream') >= 1, { what: 'words that were appended' });
  const [growing] = await system.slack.answers(said.channel, said.thread);
  expect(growing?.text).toContain('word0 word1');
  await eventually(async () => (await ada.answers(said))[0] === WORDS.join(' '), { what: 'the whole reply' });
  expect(await ada.answers(said)).toHaveLength(1);
  expect(callsOf('chat.stopStream')).toBe(1);
  expect(callsOf('chat.startStream')).toBe(1);
  expect(system.slack.callsOf('chat.stopStream')[0]?.body['session_status']).toBe('active');
  expect(system.slack.openStreams()).toBe(0);
  expect(ada.posts(said)).toHaveLength(0);
});

test('a stream that dies after half: the reply goes on in its message', async () => {
  const before = callsOf('chat.startStream');
  const said = await ada.direct('another story');
  await system.send(said.event);
  await eventually(() => callsOf('chat.startStream') > before && system.slack.openStreams() === 1);
  system.slack.endStreams();
  await eventually(async () => (await ada.answers(said))[0] === WORDS.join(' '), { what: 'the whole reply' });
  expect(await ada.answers(said)).toHaveLength(1);
  expect(callsOf('chat.startStream')).toBe(before + 1);
  // The stream's end would have ended the session as well.
  const isEnd = ({ body }: { body: Record<string, string> }) =>
    body['thread_ts'] === said.thread && body['status'] === 'active';
  await eventually(() => system.slack.callsOf('agents.sessions.setStatus').some(isEnd), { what: 'its end' });
});

test('a reply that mentions somebody while it grows pings nobody', async () => {
  const from = system.slack.calls.length;
  system.llm.answerWith(
    slowly([...WORDS.slice(0, 60), '<', '@U0000001', '> and <!chan', 'nel>', ...WORDS.slice(60)]),
  );
  const said = await ada.direct('call everybody');
  await system.send(said.event);
  await eventually(async () => (await ada.answers(said))[0]?.endsWith('word119'));
  const streamed = system.slack.calls
    .slice(from)
    .filter(({ method }) => /Stream$/.test(method))
    .map(({ body }) => body['markdown_text'] ?? '')
    .join('');
  expect(streamed).toContain('word59');
  expect(streamed).not.toMatch(/<@U|<!channel/);
});

test('Stop in the middle: one line takes its place', async () => {
  system.llm.answerWith(slowly());
  const before = callsOf('chat.startStream');
  const said = await ada.direct('a story that is too long');
  await system.send(said.event);
  await eventually(() => callsOf('chat.startStream') > before);
  await system.send({
    type: 'agent_session_stopped',
    user: system.slack.people.ada,
    channel: said.channel,
    thread_ts: said.thread,
    streaming_message_ts: [],
    event_ts: String(Number(said.ts) + 1),
  });
  await eventually(async () => (await ada.answers(said))[0] === NO_REPLY.stopped);
  expect(await ada.answers(said)).toEqual([NO_REPLY.stopped]);
  expect(system.slack.openStreams()).toBe(0);
  system.llm.answerWith(noted);
});
