/** Streams of events while processes are killed, and what many idle ones cost. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { namesOf, readEvents, textOf, type EventReader } from '../support/events.ts';
import { chunk } from '../support/fake-llm.ts';
import { createProcesses, type Processes } from '../support/processes.ts';

jest.setTimeout(180_000);

let processes: Processes;
let api: ReturnType<Processes['start']>;
let worker: ReturnType<Processes['start']>;
/** The model's answers under way, oldest first. */
const asked: ServerResponse[] = [];
beforeAll(async () => {
  processes = await createProcesses();
  api = processes.start('api');
  worker = processes.start('worker');
  await Promise.all([processes.ready(), worker.says(/worker is up/)]);
  processes.llm.answerWith(() => (res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    asked.push(res);
  });
});
afterAll(() => processes.close());

const headers = (more: Record<string, string> = {}) => ({
  headers: { authorization: `Bearer ${processes.apiKey}`, ...more },
});
const send = () =>
  readEvents(`${processes.baseUrl}/v1/agents/${processes.agent.id}/messages`, {
    method: 'POST',
    body: JSON.stringify({ userId: `user-${randomUUID()}`, text: 'Count' }),
    ...headers({ 'content-type': 'application/json' }),
  });
const idOf = ({ seen }: EventReader): string => String(seen[0]?.data['messageId']);
const follow = (messageId: string, lastId?: string) =>
  readEvents(
    `${processes.baseUrl}/v1/messages/${messageId}`,
    headers(lastId === undefined ? {} : { 'last-event-id': lastId }),
  );
const say = (...texts: string[]) => {
  for (const content of texts) asked.at(-1)?.write(chunk({ content }));
};
const finish = () => asked.at(-1)?.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);

test('killed APIs and a killed worker cost no character and double none; the worker’s end is told', async () => {
  const first = await send();
  await eventually(() => asked.length === 1, { timeoutMs: 60_000 });
  say('One', ' two');
  await eventually(() => textOf(first.seen) === 'One two');
  api.kill();
  await first.ended;
  say(' three');
  api = processes.start('api');
  await processes.ready();
  const second = await follow(idOf(first), first.seen.at(-1)?.id);
  await eventually(() => textOf([...first.seen, ...second.seen]) === 'One two three');
  expect(namesOf(second.seen)).toEqual(['delta']);

  worker.kill();
  worker = processes.start('worker');
  await second.sees('reset');
  await eventually(() => asked.length === 2, { timeoutMs: 60_000 });
  say('Uno', ' dos');
  await eventually(() => textOf(second.seen) === 'Uno dos');
  api.kill();
  await second.ended;
  say(' tres.');
  finish();
  api = processes.start('api');
  await processes.ready();
  const third = await follow(idOf(first), second.seen.at(-1)?.id);
  await third.ended;
  const all = [...first.seen, ...second.seen, ...third.seen];
  expect(namesOf(all)).toEqual(['accepted', 'delta', 'reset', 'delta', 'done']);
  expect(textOf(all)).toBe('Uno dos tres.');
  expect(all.at(-1)?.data).toMatchObject({ state: 'done', reply: { text: 'Uno dos tres.' } });
});

test('500 idle streams cost little memory, and none is left when their readers are gone', async () => {
  const first = await send();
  await first.sees('accepted');
  const memory = async (): Promise<number> => {
    const status = await readFile(`/proc/${api.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
  };
  const open = async (n: number) => {
    const readers: EventReader[] = [];
    for (let i = 0; i < n; i += 25)
      readers.push(...(await Promise.all(Array.from({ length: 25 }, () => follow(idOf(first))))));
    return readers;
  };
  // The first ones also load code.
  for (const reader of await open(50)) reader.drop();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const before = await memory();
  const readers = await open(475);
  expect(new Set(readers.map(({ status }) => status))).toEqual(new Set([200]));
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const grownMb = (await memory()) - before;
  // The figures of some runs stand in bench/results/idle-streams.json.
  process.stderr.write(`${readers.length} idle streams: ${grownMb.toFixed(1)} MB more
`);
  expect(grownMb).toBeLessThan(150);
  say('Done.');
  finish();
  await Promise.all(readers.map(({ ended }) => ended));
  expect(new Set(readers.map(({ seen }) => textOf(seen)))).toEqual(new Set(['Done.']));
});
