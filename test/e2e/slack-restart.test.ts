/** The worker is killed at the worst moments. */
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { chunk } from '../support/fake-llm.ts';
import { createProcesses, type RunningProcess, type SlackProcesses } from '../support/processes.ts';
import { talk } from '../support/slack-talk.ts';

jest.setTimeout(120_000);

let processes: SlackProcesses;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  processes = await createProcesses({ slack: true, agent: { name: 'Mara', liveReplies: true } });
  ada = talk(processes);
});
afterAll(() => processes.close());

async function startWorker(): Promise<RunningProcess> {
  const worker = processes.start('worker');
  await worker.says(/worker is up/);
  return worker;
}

test('killed in the middle of three turns: each ends in one message, and the reply that was growing in the same one', async () => {
  const words = Array.from({ length: 200 }, (_, i) => `word${i}`);
  const whole = words.join(' ');
  let stories = 0;
  processes.llm.answerWith((messages) => {
    const text = messages.at(-1)?.content ?? '';
    if (text !== 'a story') return `Noted: ${text}`;
    stories += 1;
    // Slow at first; the stream that the second worker gets breaks off; the third is whole.
    return stories === 2
      ? stream(words.slice(0, 20), { breakOff: true })
      : stream(words, { pauseMs: stories === 1 ? 40 : 0 });
  });
  const { slack } = processes;
  processes.start('api');
  const worker = await startWorker();
  await processes.ready();

  const story = await ada.mention('a story');
  await processes.send(story.event);
  const updates = () => slack.callsOf('chat.update').filter(({ body }) => body['text']?.includes('word0'));
  await eventually(() => updates().length >= 2, { what: 'two updates of the growing reply' });
  const [first, second] = updates();
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_500);
  expect(second?.body['text']?.length).toBeGreaterThan(first?.body['text']?.length ?? 0);

  // Slack takes bob's placeholder, and then carol's reply, and we are gone before we know.
  const [placeholder, reply] = [await ada.mention('placeholder'), await ada.mention('reply')];
  slack.fail('chat.postMessage', {
    kind: 'hang-after-acceptance',
    when: (body) => body['thread_ts'] === placeholder.ts,
  });
  slack.fail('chat.update', {
    kind: 'drop-after-acceptance',
    when: (body) => body['text'] === 'Noted: reply',
    accepted: () => worker.kill(),
  });
  await processes.send({ ...placeholder.event, user: 'UBOB' });
  await eventually(async () => ada.posts(placeholder).length === 1, { what: 'the placeholder' });
  await processes.send({ ...reply.event, user: 'UCAROL' });
  await worker.exit;
  await startWorker();

  expect(await ada.answers(placeholder, 1, 40_000)).toEqual(['Noted: placeholder']);
  await eventually(turnsAreDone, { timeoutMs: 40_000, what: 'all turns are done' });
  expect(await ada.answers(reply)).toEqual(['Noted: reply']);
  expect(await ada.answers(story)).toEqual([whole]);
  expect(stories).toBe(3);
  for (const said of [story, placeholder, reply]) expect(ada.posts(said)).toHaveLength(1);
});

function stream(words: readonly string[], how: { pauseMs?: number; breakOff?: boolean }) {
  return async (res: ServerResponse) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const word of words) {
      res.write(chunk({ content: `${word} ` }));
      if (how.pauseMs) await new Promise((resolve) => setTimeout(resolve, how.pauseMs));
    }
    if (how.breakOff) res.destroy();
    else res.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
  };
}

async function turnsAreDone(): Promise<boolean> {
  const { rows } = await processes.database.admin.query(`SELECT 1 FROM turns WHERE state <> 'done'`);
  return rows.length === 0;
}
