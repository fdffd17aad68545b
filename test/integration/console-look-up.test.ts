/** Searching a memory, and previewing the prompt of a message: nothing is changed by either. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PromptMessage } from '../../src/domain/conversation.ts';
import { shapeMessages } from '../../src/llm/shape-messages.ts';
import type { Embedder } from '../../src/memory/embedding/embedder.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { SEARCHES_AT_ONCE } from '../../src/memory/recall/search-memory.ts';
import { axis } from '../support/embeddings.ts';
import { eventually } from '../support/eventually.ts';
import { memoryOf } from '../support/memory.ts';
import { askRudely } from '../support/rude-readers.ts';
import { createTestTenant } from '../support/services.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
let stranger: { apiKey: string; agent: { id: string } };

/** What the API embeds and never gets an answer to, until somebody stops it. */
const hanging = { begun: 0, stopped: 0 };
const HANGS = 'This one hangs';
const hangingAt =
  (text: string) =>
  (real: Embedder): Embedder => ({
    ...real,
    embed: (asked, options) => {
      if (asked !== text) return real.embed(asked, options);
      hanging.begun += 1;
      return new Promise((_, reject) => {
        options.signal?.addEventListener('abort', () => {
          hanging.stopped += 1;
          reject(new Error('stopped'));
        });
      });
    },
  });

beforeAll(async () => {
  system = await startSystem({ api: { embedder: hangingAt(HANGS) } });
  stranger = await createTestTenant(system.database.pool);
  for (const text of ['My bicycle is blue.', 'My sister lives in Ghent.', 'I sing in a choir.'])
    await system.say(text);
  await eventually(async () => {
    const { body } = await system.memoryOf('ada');
    return (body['memories'] as unknown[]).length === 6;
  });
}, 60_000);
afterAll(() => system.stop());

type Memory = { content: string; role: string; score: number; cosine: number; lexical: number };
const search = (body: object, userId = 'ada', headers = {}) =>
  system.request('POST', `/v1/agents/${system.agent.id}/users/${userId}/memory/search`, body, headers);
const preview = (body: object, headers = {}) =>
  system.request('POST', `/v1/agents/${system.agent.id}/preview`, { userId: 'ada', ...body }, headers);
const asStranger = () => ({ authorization: `Bearer ${stranger.apiKey}` });
const found = async (body: object) => (await search(body)).body['memories'] as Memory[];

describe('a search', () => {
  test('finds by meaning what shares no word, and by words what holds them', async () => {
    const byMeaning = await found({ query: 'Which two-wheeler does she ride?', by: 'meaning' });
    const [best] = byMeaning;
    expect(best).toMatchObject({ content: 'My bicycle is blue.', role: 'user' });
    expect(best?.cosine).toBe(Math.max(...byMeaning.map(({ cosine }) => cosine)));
    const byWords = await found({ query: 'Ghent', by: 'words' });
    expect(byWords.map(({ content }) => content)).toContain('My sister lives in Ghent.');
    expect(byWords.every(({ lexical }) => lexical > 0)).toBe(true);
    expect(await found({ query: 'zeppelin', by: 'words' })).toEqual([]);
    expect((await found({ query: 'Where does my sister live?' }))[0]?.content).toContain('Ghent');
  });

  test('says when what it gives is not all that fits', async () => {
    const scope = { tenantId: system.tenantId, agentId: system.agent.id, userId: 'many' };
    const memory = memoryOf({ ...system, pool: system.database.pool }, scope);
    for (let i = 0; i < 11; i += 1) await memory.tell({ user: `Ottilie has alpaca number ${i}.` });
    const hasMore = async (body: object) => {
      const answer = (await search(body, 'many')).body;
      const exchanges = (answer['memories'] as Array<{ exchangeId: string }>).map((one) => one.exchangeId);
      return [new Set(exchanges).size, answer['hasMore']];
    };
    expect(await hasMore({ query: 'Ottilie', by: 'words' })).toEqual([10, true]);
    expect(await hasMore({ query: 'Who has alpacas?' })).toEqual([10, true]);
    // What has none of the words doesn't fit.
    await memory.tell({ user: 'The zeppelin lands on Monday.' });
    expect(await hasMore({ query: 'zeppelin', by: 'words' })).toEqual([1, false]);
  });

  test('sees one user of one tenant alone, and refuses what is no question', async () => {
    expect((await search({ query: 'bicycle' }, 'bob')).body).toEqual({
      memories: [],
      hasMore: false,
    });
    expect((await search({ query: 'bicycle' }, 'ada', asStranger())).status).toBe(404);
    expect((await search({ query: ' ' })).status).toBe(400);
    expect((await search({ query: 'x', by: 'smell' })).status).toBe(400);
  });
});

describe('a preview', () => {
  const question = 'What colour is my bicycle?';

  test('is the prompt that the model is sent then', async () => {
    const { status, body } = await preview({ text: question });
    expect(status).toBe(200);
    await system.say(question);
    // The model's client joins what speaks for the system.
    expect(shapeMessages(body['prompt'] as PromptMessage[]).messages).toEqual(system.llm.prompts.at(-1));
    expect(body).toMatchObject({ channel: 'http', userName: null });
    expect(body).toMatchObject({ windowSize: 6, droppedFromWindow: 0, missing: [] });
    expect(body['estimatedTokens']).toBeGreaterThan(20);
    expect(body['receipt']).toMatchObject({ threshold: expect.any(Number), match: expect.any(Number) });
  });

  test('takes changes that are not saved', async () => {
    const agent = { persona: 'Speaks in rhymes.', recall: { topK: 0 }, maxPromptTokens: 80 };
    const { body } = await preview({ text: question, agent });
    const [system_] = body['prompt'] as Array<{ content: string }>;
    expect(system_?.content).toContain('Speaks in rhymes.');
    expect(body).toMatchObject({ recalled: [], receipt: null });
    expect(body['droppedFromWindow']).toBeGreaterThan(0);
    const { body: saved } = await system.request('GET', `/v1/agents/${system.agent.id}`);
    expect(saved['persona']).not.toContain('rhymes');
    expect((await preview({ text: question, agent: { recall: { topK: -1 } } })).status).toBe(400);
  });

  test('stores nothing and asks no model', async () => {
    const { admin } = system.database;
    const count = async () => {
      const { rows } = await admin.query<{ turns: string; scopes: string }>(
        'SELECT (SELECT count(*) FROM turns) AS turns, (SELECT count(*) FROM scopes) AS scopes',
      );
      return rows[0];
    };
    const before = [await count(), system.llm.prompts.length];
    await preview({ text: 'Hello', userId: 'nobody' });
    expect([await count(), system.llm.prompts.length]).toEqual(before);
  });

  test('has a place before anything of it is embedded, and is stopped when its reader has gone', async () => {
    const path = `/v1/agents/${system.agent.id}/preview`;
    const body = { userId: 'ada', text: HANGS };
    const askers = Array.from({ length: 5 }, () =>
      askRudely(system, [{ method: 'POST', path, body }], 'resets'),
    );
    await eventually(() => hanging.begun === SEARCHES_AT_ONCE);
    // Whoever comes after them, of another tenant, finds a place at once. Those of the same wait.
    const other = `/v1/agents/${stranger.agent.id}/preview`;
    const asked = { userId: 'ada', text: 'Hello' };
    expect((await system.request('POST', other, asked, asStranger())).status).toBe(200);
    expect(hanging).toEqual({ begun: SEARCHES_AT_ONCE, stopped: 0 });
    for (const asker of askers) asker.resetAndDestroy();
    await eventually(() => hanging.stopped === hanging.begun);
    const { status, body: after } = await preview({ text: question });
    expect([status, after['missing']]).toEqual([200, []]);
    // Those that waited for a place have begun nothing that goes on.
    await eventually(() => hanging.stopped === hanging.begun);
  });

  test('is of one’s own agents alone', async () => {
    expect((await preview({ text: 'Hello' }, asStranger())).status).toBe(404);
    const path = `/v1/agents/${randomUUID()}/preview`;
    expect((await system.request('POST', path, { userId: 'ada', text: 'Hello' })).status).toBe(404);
  });
});

test('a reply says which model has answered, and how long each step took', async () => {
  const { body } = await system.say('Hello');
  expect(body['answer']).toMatchObject({ model: 'scripted', timingsMs: { llm: expect.any(Number) } });
  const { body: later } = await system.request('GET', `/v1/messages/${String(body['messageId'])}`);
  expect(later['answer']).toEqual(body['answer']);
});

test('a memory says where its message came in, and none for what no message has brought', async () => {
  const imported = {
    ...{ tenantId: system.tenantId, agentId: system.agent.id, userId: 'ada' },
    ...{ role: 'user' as const, content: 'I was brought along.', embedding: axis(5) },
  };
  await storeEmbedding(system.database.pool, imported);
  const { body } = await system.memoryOf('ada');
  const channels = (body['memories'] as Array<{ content: string; channel: string | null }>).map(
    ({ content, channel }) => [content, channel],
  );
  expect(channels).toContainEqual(['My bicycle is blue.', 'http']);
  expect(channels).toContainEqual(['I was brought along.', null]);
});
