/** What stands in Temporal, and who can go on with it: keys that change, are missing, are others'. */
import { randomBytes } from 'node:crypto';
import { afterAll, expect, jest, test } from '@jest/globals';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { pino } from 'pino';
import { checkHistory } from '../../cli/replay/check-history.ts';
import { fetchHistory, fetchInput } from '../../src/temporal/history.ts';
import { readStory } from '../../src/temporal/story.ts';
import { encryption, type KeyRing } from '../../src/config/encryption.ts';
import { historyKeys, NO_KEYS } from '../../src/config/index.ts';
import { parse } from '../../src/config/variables.ts';
import { embedAndStoreWorkflowId, handleMessageWorkflowId } from '../../src/domain/ids.ts';
import type { HandleMessageInput } from '../../src/domain/turn.ts';
import { startTurn } from '../../src/intake/start-turn.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { refusalBehind } from '../../src/temporal/payload-codec.ts';
import { sdkLogger } from '../../src/worker/sdk-logger.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { eventually } from '../support/eventually.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { encryptionConfig, temporalConfig } from '../support/services.ts';
import { hostWorkflows } from '../support/workflow-host.ts';

jest.setTimeout(120_000);

/** What a worker logs, line by line. */
const logged: string[] = [];
const logger = sdkLogger(pino({ level: 'trace' }, { write: (line) => void logged.push(line) }));

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const ring = (...keys: string[]): KeyRing =>
  parse({ encryption }, { KONSTRUCT_ENCRYPTION_KEYS: keys.join(',') }).encryption.keys;
const [one, two] = [newKey('one'), newKey('two')];

const clients = new Map<KeyRing, ReturnType<typeof lazyClient>>();
const clientWith = (keys: KeyRing) => {
  const known = clients.get(keys) ?? lazyClient(temporalConfig(), keys);
  clients.set(keys, known);
  return known;
};
afterAll(() => Promise.all([...clients.values()].map(({ connection }) => connection.close())));

async function begin(keys: KeyRing, input: HandleMessageInput, hashUserIds = false): Promise<string> {
  const encrypting = { keys, hashUserIds };
  await startTurn({ temporal: clientWith(keys), encryption: encrypting }, input, {
    deadline: Date.now() + 10_000,
  });
  return handleMessageWorkflowId(input.message.tenantId, input.message.messageId);
}

/** The newest failure of a workflow task; the server keeps the next try waiting. */
async function taskFailures(keys: KeyRing, workflowId: string): Promise<number> {
  const { events } = await clientWith(keys).workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).filter(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes)
    .length;
}

/** A history with its texts as they stand there: payloads are base64 in JSON. */
async function wordsOf(keys: KeyRing, workflowId: string): Promise<string> {
  const history = await clientWith(keys).workflow.getHandle(workflowId).fetchHistory();
  const json = historyToJSON(history);
  const decoded = [...json.matchAll(/"([A-Za-z0-9+/]{4,}={0,2})"/g)].map(([, text = '']) =>
    Buffer.from(text, 'base64').toString('latin1'),
  );
  return [json, ...decoded].join('\n');
}

test('a history holds no word of message, name, prompt, reply and failure, and replay tells them all', async () => {
  const host = await hostWorkflows(
    fakeActivities([], {
      answerTurn: async ({ text }) => {
        if (text.includes('fail')) throw new Error('the server quotes: zirconium');
        return { text: 'feldspar', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 } };
      },
    }),
  );
  const { keys } = encryptionConfig();
  const fields = { text: 'tanzanite', userName: 'Rhodonite', userId: 'user-sodalite' };
  const input = acceptedMessage(fields);
  input.agent.systemPrompt = 'hematite';
  const id = await begin(keys, input, true);
  await clientWith(keys).workflow.getHandle(id).result();
  const failing = await begin(keys, { ...acceptedMessage({ text: 'fail' }) });
  await eventually(async () =>
    JSON.stringify(
      await clientWith(keys)
        .workflow.getHandle(failing)
        .describe()
        .then(({ raw }) => raw),
    ).includes('Encoded failure'),
  );
  const pending = await clientWith(keys).workflow.getHandle(failing).describe();
  expect(JSON.stringify(pending.raw)).not.toContain('zirconium');
  await clientWith(keys).workflow.getHandle(failing).terminate();
  await host.stop();

  const words = await wordsOf(keys, id);
  const described = await clientWith(NO_KEYS).workflow.getHandle(id).describe();
  const seen = words + JSON.stringify(described.raw);
  for (const word of ['tanzanite', 'Rhodonite', 'hematite', 'feldspar', 'sodalite', 'Mara'])
    expect(seen).not.toContain(word);

  const recorded = await fetchHistory(clientWith(NO_KEYS), id);
  const story = await readStory(recorded, keys);
  expect(story.summary).toContain('user-sodalite → Mara');
  expect(story.turn).toMatchObject({
    message: fields,
    reply: { text: 'feldspar' },
    agent: { systemPrompt: 'hematite' },
  });
  expect(await checkHistory(recorded, await workflowBundle(), historyKeys(process.env))).toEqual({
    fits: true,
  });
  const unread: unknown = await readStory(recorded, NO_KEYS).catch((error: unknown) => error);
  expect(String(refusalBehind(unread))).toContain('KONSTRUCT_ENCRYPTION_KEYS');
});

test.each([
  ['without keys', () => NO_KEYS, /with the key \\"one\\", which this process lacks/],
  ['with another ring', () => ring(newKey('other')), /with the key \\"one\\", which this process lacks/],
  [
    'with another key of the same id',
    () => ring(newKey('one')),
    /with another key one than this process has/,
  ],
])('a worker %s answers nothing, loses nothing and says which key it lacks', async (_, keys, said) => {
  const right = ring(one);
  const calls: string[] = [];
  logged.length = 0;
  const wrong = await hostWorkflows(fakeActivities(calls), { keys: keys(), logger });
  const id = await begin(right, acceptedMessage());
  await eventually(async () => (await taskFailures(right, id)) > 0);
  await wrong.stop();
  expect(calls).toEqual([]);
  expect(logged).toContainEqual(expect.stringMatching(said));
  expect(logged).toContainEqual(expect.stringContaining('KONSTRUCT_ENCRYPTION_KEYS'));
  expect((await clientWith(right).workflow.getHandle(id).describe()).status.name).toBe('RUNNING');

  const host = await hostWorkflows(fakeActivities([]), { keys: right, logger });
  expect(await clientWith(right).workflow.getHandle(id).result()).toMatchObject({ reply: { text: 'Rex.' } });
  await host.stop();
});

test('a turn that somebody without the key starts is not begun', async () => {
  const right = ring(one);
  const calls: string[] = [];
  const host = await hostWorkflows(fakeActivities(calls), { keys: right, logger });
  const id = await begin(NO_KEYS, acceptedMessage());
  await eventually(async () => (await taskFailures(right, id)) > 0);
  expect(calls).toEqual([]);
  await clientWith(right).workflow.getHandle(id).terminate();
  await host.stop();
});

test('a tenant’s payload begins no turn of another tenant', async () => {
  const right = ring(one);
  const calls: string[] = [];
  const input = acceptedMessage();
  const id = handleMessageWorkflowId(input.message.tenantId, input.message.messageId);
  const host = await hostWorkflows(fakeActivities(calls), { keys: right, logger });
  const client = clientWith(right);
  // Encrypted for the tenant of its own id, started by another's.
  await begin(right, input);
  await client.workflow.getHandle(id).result();
  await client.workflow
    .getHandle(embedAndStoreWorkflowId(input.message.tenantId, input.message.messageId))
    .result();
  const { events } = await client.workflow.getHandle(id).fetchHistory();
  const stolen = events?.[0]?.workflowExecutionStartedEventAttributes;
  const other = acceptedMessage().message;
  const forged = handleMessageWorkflowId(other.tenantId, other.messageId);
  calls.length = 0;
  await client.workflowService.startWorkflowExecution({
    namespace: temporalConfig().namespace,
    workflowId: forged,
    workflowType: { name: 'HandleMessage' },
    taskQueue: { name: 'konstruct' },
    input: stolen?.input ?? null,
    requestId: forged,
  });
  await eventually(async () => (await taskFailures(right, forged)) > 0);
  expect(calls).toEqual([]);
  // Nor is it told to whoever asks for the forged turn's story, or for another try of it.
  const history = { events: events ?? [] };
  const told = await readStory({ name: id, workflowId: id, history }, right);
  expect(told.turn?.reply?.text).toBe('Rex.');
  const stolenStory = readStory({ name: forged, workflowId: forged, history }, right);
  await expect(stolenStory).rejects.toThrow('another tenant');
  expect(await fetchInput(client, id)).toMatchObject({ message: { tenantId: input.message.tenantId } });
  await expect(fetchInput(client, forged)).rejects.toThrow('another tenant');
  await client.workflow.getHandle(forged).terminate();
  await host.stop();
});

test('a turn that is cancelled while its model is waited for between two tries ends', async () => {
  const right = ring(one);
  const calls: string[] = [];
  const activities = fakeActivities(calls, {
    answerTurn: async () => {
      calls.push('asked');
      throw new Error('the model is away');
    },
  });
  const host = await hostWorkflows(activities, { keys: right, logger });
  const handle = clientWith(right).workflow.getHandle(await begin(right, acceptedMessage()));
  // The fourth try comes four seconds later.
  await eventually(async () => calls.filter((call) => call === 'asked').length === 3);
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow();
  expect((await handle.describe()).status.name).toBe('FAILED');
  await host.stop();
});

test('keys change while a turn is open: it ends with both in its history', async () => {
  const [before, added, turned] = [ring(one), ring(one, two), ring(two, one)];
  let stuck = true;
  const calls: string[] = [];
  const activities = fakeActivities(calls, {
    answerTurn: async () => {
      if (stuck) throw new Error('not yet');
      return { text: 'Rex.', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 } };
    },
  });
  const first = await hostWorkflows(activities, { keys: before, logger });
  const id = await begin(before, acceptedMessage());
  await eventually(async () => calls.includes('answerTurn'));
  const second = await hostWorkflows(activities, { keys: added, logger });
  await first.stop();
  const third = await hostWorkflows(activities, { keys: turned, logger });
  await second.stop();
  stuck = false;
  expect(await clientWith(turned).workflow.getHandle(id).result()).toMatchObject({ reply: { text: 'Rex.' } });
  const words = await wordsOf(turned, id);
  expect(words.split('\n')).toEqual(expect.arrayContaining(['one', 'two']));
  await third.stop();
});
