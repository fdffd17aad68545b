/** What the console's page works out by itself. */
import '../support/page-requests.ts';
import { onlineManager } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { fetchClient, SESSION_KEY } from '../../console/src/api/client.ts';
import { exchangesOf } from '../../console/src/api/exchanges.ts';
import { asProblem } from '../../console/src/api/problem.ts';
import { queryClient } from '../../console/src/api/query-client.ts';
import { readAgents } from '../../console/src/api/read-agents.ts';
import { retryMessage, sendMessage, type ReplyEvent } from '../../console/src/api/reply-events.ts';
import { disownPages, shownSession, takeSession } from '../../console/src/api/shown-session.ts';
import { assumptionOf } from '../../console/src/pages/agents/assumes.ts';
import { bodyOf, changesOf, draftOf, EMPTY } from '../../console/src/pages/agents/draft.ts';
import type { Turn } from '../../console/src/pages/chat/conversation.ts';
import { apartFrom } from '../../console/src/pages/chat/earlier.ts';
import { endOfDay } from '../../console/src/pages/tenants/end-of-day.ts';
import { turnSeries } from '../../console/src/pages/overview/turn-series.ts';
import { chatPath, memoryViewOf, memoryViewPath, userIdOf, userIdProblem } from '../../console/src/paths.ts';
import { rightsOf } from '../../console/src/session/rights.ts';
import { idProblem } from '../../src/domain/ids.ts';

const OUTGOING = { agentId: 'a', userId: 'ada', text: 'Hello', key: 'the-key' };
const ANSWER = { messageId: 'm', workflowId: 'w', state: 'done', reply: { text: 'Hi Ada' }, missing: [] };
const event = (id: string, name: string, data: object): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

const original = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = original;
});

type Asked = { method: string; url: string; search: string; headers: Headers };

/** Lets each request be answered by the next of these, and writes down what was asked. */
function answering(...answers: Array<() => Response>): Asked[] {
  const asked: Asked[] = [];
  globalThis.fetch = jest.fn((request: string | URL | Request) => {
    if (!(request instanceof Request)) throw new Error('not sent by the client of the API');
    const { method, headers } = request;
    const { pathname, search } = new URL(request.url);
    asked.push({ method, url: pathname, search, headers });
    const answer = answers[asked.length - 1];
    if (!answer) throw new Error('asked too often');
    return Promise.resolve(answer());
  });
  return asked;
}

/** A stream of these bytes, which then ends, or breaks. */
const streaming =
  (text: string, { breaks = false } = {}) =>
  () => {
    const bytes = new TextEncoder().encode(text);
    let isSent = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (!isSent) controller.enqueue(bytes);
        else if (breaks) controller.error(new TypeError('the connection broke'));
        else controller.close();
        isSent = true;
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };

async function said(): Promise<ReplyEvent[]> {
  return Array.fromAsync(sendMessage(OUTGOING));
}

test('a stream that breaks is taken up behind the last event that was seen', async () => {
  const asked = answering(
    streaming(
      event('0', 'accepted', { messageId: 'm', workflowId: 'w' }) + event('2-x', 'delta', { text: 'Hi' }),
      {
        breaks: true,
      },
    ),
    streaming(event('6-y', 'delta', { text: ' Ada' }) + event('end', 'done', ANSWER)),
  );
  expect(await said()).toEqual([
    { kind: 'accepted', messageId: 'm', workflowId: 'w' },
    { kind: 'delta', text: 'Hi' },
    { kind: 'delta', text: ' Ada' },
    { kind: 'end', message: ANSWER },
  ]);
  expect(asked.map(({ url }) => url)).toEqual(['/v1/agents/a/messages', '/v1/messages/m/events']);
  expect(asked[1]?.headers.get('last-event-id')).toBe('2-x');
});

test('a message that nobody took is sent again with its key; one that is refused is not', async () => {
  const away = () => Response.json({ title: 'Temporarily unavailable', detail: '' }, { status: 503 });
  const asked = answering(away, streaming(event('end', 'done', ANSWER)));
  expect(await said()).toEqual([{ kind: 'end', message: ANSWER }]);
  expect(asked.map(({ headers }) => headers.get('idempotency-key'))).toEqual(['the-key', 'the-key']);

  const refused = { title: 'Too many messages', detail: 'Later.', status: 429 };
  answering(() => Response.json(refused, { status: 429 }));
  await expect(said()).rejects.toMatchObject({ problem: { status: 429, detail: 'Later.' } });
});

test('a message that failed is answered once more, and followed', async () => {
  const asked = answering(
    () => Response.json({ messageId: 'm', workflowId: 'w', state: 'accepted' }, { status: 202 }),
    streaming(event('end', 'done', ANSWER)),
  );
  expect(await Array.fromAsync(retryMessage('m'))).toEqual([{ kind: 'end', message: ANSWER }]);
  expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'POST /v1/messages/m/retry',
    'GET /v1/messages/m/events',
  ]);
});

describe('whose session the page shows', () => {
  const key = (keyId: string) => ({
    ...{ kind: 'key' as const, keyId, keyName: 'ours', role: 'admin' as const },
    ...{ tenantId: 't', tenantName: 'The shop', canSearch: true, workflowsUrl: null },
  });
  const OPERATOR = { kind: 'operator' as const, workflowsUrl: null };
  beforeEach(() => {
    disownPages();
    queryClient.clear();
  });

  const scope = { path: { agentId: 'a', userId: 'ada' } };
  /** One call of each kind: plain, a stream, a file out of it and one into it, signing out. */
  const CALLS: ReadonlyArray<[string, () => Promise<unknown>]> = [
    ['a list', () => fetchClient.GET('/v1/agents')],
    ['a stream', said],
    [
      'an export',
      () =>
        fetchClient.GET('/v1/agents/{agentId}/users/{userId}/memory/export', {
          params: scope,
          parseAs: 'blob',
        }),
    ],
    [
      'an import',
      () =>
        fetchClient.POST('/v1/agents/{agentId}/users/{userId}/memory/import', {
          params: scope,
          body: new Blob(['{}']),
          bodySerializer: (lines) => lines,
        }),
    ],
    ['signing out', () => fetchClient.DELETE('/console/session')],
  ];

  test.each(CALLS)('is said by %s', async (_name, call) => {
    const asked = answering(...Array.from({ length: 4 }, () => streaming(event('end', 'done', ANSWER))));
    const sent = () => asked.at(-1)?.headers.get('konstruct-session');
    await call().catch(() => undefined);
    expect(sent()).toBeNull();
    takeSession(key('k1'));
    await call().catch(() => undefined);
    expect(sent()).toBe('k1');
    takeSession({ kind: 'none' });
    await call().catch(() => undefined);
    expect(sent()).toBeNull();
    disownPages();
    takeSession(OPERATOR);
    await call().catch(() => undefined);
    expect(sent()).toBe('operator');
  });

  test.each(CALLS)('is asked for anew when %s is refused', async (_name, call) => {
    const refused = { title: 'Another session', detail: 'Load the page again.', status: 401 };
    takeSession(key('k1'));
    queryClient.setQueryData(SESSION_KEY, key('k1'));
    answering(() => Response.json(refused, { status: 401 }));
    await expect(call()).rejects.toMatchObject({ problem: { status: 401, title: 'Another session' } });
    expect(queryClient.getQueryState(SESSION_KEY)?.isInvalidated).toBe(true);
  });

  test('is not said where the page asks who is signed in, and a wrong key at the way in is no end of one', async () => {
    takeSession(key('k1'));
    queryClient.setQueryData(SESSION_KEY, key('k1'));
    const asked = answering(
      () => Response.json({ kind: 'none' }),
      () => Response.json({ title: 'Unauthorized', detail: 'No.' }, { status: 401 }),
    );
    await fetchClient.GET('/console/session');
    await expect(fetchClient.POST('/console/session', { body: { token: 'x' } })).rejects.toThrow('No.');
    expect(asked[0]?.headers.get('konstruct-session')).toBeNull();
    expect(queryClient.getQueryState(SESSION_KEY)?.isInvalidated).toBe(false);
  });

  test('stays the one that it was, and its pages are kept for it when it has ended', () => {
    expect(takeSession({ kind: 'none' })).toEqual({ kind: 'none' });
    expect(takeSession(key('k1'))).toEqual(key('k1'));
    expect(takeSession(key('k1'))).toEqual(key('k1'));
    expect(takeSession(key('k2'))).toEqual({ kind: 'another', who: key('k2') });
    expect(takeSession(OPERATOR)).toEqual({ kind: 'another', who: OPERATOR });
    expect(shownSession()).toBe('k1');
    const ended = takeSession({ kind: 'none' });
    expect(ended).toEqual({ kind: 'none', before: key('k1') });
    expect(rightsOf(ended)).toEqual(rightsOf(key('k1')));
    expect(shownSession()).toBeUndefined();
    expect(takeSession(key('k2'))).toEqual({ kind: 'another', who: key('k2') });
    expect(shownSession()).toBeUndefined();
    expect(takeSession(key('k1'))).toEqual(key('k1'));
    expect(shownSession()).toBe('k1');
    disownPages();
    expect(takeSession(key('k2'))).toEqual(key('k2'));
    expect(shownSession()).toBe('k2');
  });
});

test('an answer that is no success is thrown, also one without a body', async () => {
  answering(() => new Response(null, { status: 502, headers: { 'content-length': '0' } }));
  await expect(fetchClient.GET('/v1/agents')).rejects.toMatchObject({ problem: { status: 502 } });
});

test('what is asked of a browser that takes itself for offline fails now, and is not done later', async () => {
  onlineManager.setOnline(false);
  try {
    const away = () => Promise.reject(new TypeError('Failed to fetch'));
    const erase = queryClient.getMutationCache().build(queryClient, { mutationFn: away });
    await expect(erase.execute(undefined)).rejects.toThrow('Failed to fetch');
    const list = queryClient.query({ queryKey: ['offline'], queryFn: away, retry: false });
    await expect(list).rejects.toThrow('Failed to fetch');
  } finally {
    onlineManager.setOnline(true);
    queryClient.clear();
  }
});

test('what the window has of a turn stands once: with it, and not above', () => {
  const turn = (key: string, reply: string, text?: string): Turn => ({
    ...{ key, reply: '', isUnderWay: false, ...(text !== undefined && { text }) },
    message: { ...ANSWER, messageId: key, state: 'done', reply: { text: reply }, memory: null, missing: [] },
  });
  const window = [
    ['user', 'Hello'],
    ['assistant', 'Yes.'],
    ['user', 'Is it blue?'],
    ['assistant', 'Yes.'],
    ['user', 'And the bell?'],
    ['assistant', 'Brass.'],
  ].map(([role, content]) => ({ role: role as 'user' | 'assistant', content: String(content) }));
  const apart = apartFrom([turn('1', 'Yes.'), turn('2', 'Brass.', 'And the bell?')], window);
  expect(apart.earlier).toEqual(window.slice(0, 2));
  expect([...apart.asked]).toEqual([
    ['2', 'And the bell?'],
    ['1', 'Is it blue?'],
  ]);
  const other = apartFrom(
    [turn('3', 'Yes.', 'Is it red?'), { key: '4', reply: '', isUnderWay: true }],
    window,
  );
  expect(other).toEqual({ earlier: window, asked: new Map() });
});

test('all agents are read, however many pages they take', async () => {
  const page = (id: string, nextCursor: string | null) => () =>
    Response.json({ agents: [{ id, name: `Agent ${id}` }], nextCursor });
  const asked = answering(page('1', 'behind 1'), page('2', null));
  expect((await readAgents()).map(({ name }) => name)).toEqual(['Agent 1', 'Agent 2']);
  expect(asked.map(({ search }) => search)).toEqual(['?limit=200', '?limit=200&cursor=behind%201']);
});

test('a last day ends where the browser is; what is none is left to the API', () => {
  expect(new Date(endOfDay('2030-05-04'))).toEqual(new Date(2030, 4, 4, 23, 59, 59));
  expect(endOfDay('275760-12-31')).toBe('275760-12-31');
});

test('what became of the turns of an hour is all of them, and nobody’s reply that has not come yet', () => {
  const hour = { turns: 12, answered: 6, degraded: 2, failed: 3, underWay: 2, refused: 1 };
  const more = { recallHits: 0, recallEmpty: 0, up: 0, down: 0 };
  const quiet = { turns: 1, answered: 1, degraded: 0, failed: 0, underWay: 0, refused: 0 };
  const series = turnSeries([
    { ...hour, ...more },
    { ...quiet, ...more },
  ]);
  expect(Object.fromEntries(series.map(({ label, values }) => [label, values]))).toEqual({
    answered: [4, 1],
    degraded: [2, 0],
    failed: [3, 0],
    'under way': [2, 0],
    'not begun': [1, 0],
  });
  expect(turnSeries([{ ...quiet, ...more }]).map(({ label }) => label)).not.toContain('not begun');
});

test('an erasure and an import stay in the address, whoever the user is', () => {
  const view = { tab: 'along', erasure: 'e', import: 'i' } as const;
  const [path = '', search = ''] = memoryViewPath('a', 'zoë & co/x?y', view).split('?');
  expect(memoryViewOf(search)).toEqual(view);
  expect(userIdOf(decodeURI(path).split('/').at(-1) ?? '')).toBe('zoë & co/x?y');
  expect(memoryViewOf('?tab=nothing')).toEqual({ tab: 'long', erasure: undefined, import: undefined });
});

test.each(['.', '..', ' . ', '...', '.a', 'ada', ''])(
  'the page knows of the id %j what the API does',
  (id) => {
    const isPathless = (problem: string | null) => problem?.includes('no path can hold') === true;
    expect(isPathless(userIdProblem(id))).toBe(isPathless(idProblem(id.trim())));
  },
);

test('a preview says what it takes for granted of a message in a channel', () => {
  expect(assumptionOf({ channel: 'http', userName: null })).toBeUndefined();
  expect(assumptionOf({ channel: 'slack', userName: 'Ada' })).toMatch(/called Ada.*thread/);
  expect(assumptionOf({ channel: 'slack', userName: null })).toMatch(/not known.*thread/);
});

test('an exchange is one, also where the end of a page lies within it', () => {
  const memory = (exchangeId: string, role: 'user' | 'assistant') => ({
    id: `${exchangeId}-${role}`,
    exchangeId,
    role,
    content: `${role} of ${exchangeId}`,
    channel: 'http',
    createdAt: role === 'user' ? '2026-05-04T09:30:00.000Z' : '2026-05-04T09:30:02.000Z',
  });
  const pages = [
    { memories: [memory('2', 'assistant'), memory('2', 'user'), memory('1', 'assistant')] },
    { memories: [memory('1', 'user'), memory('0', 'user')] },
  ];
  const exchanges = exchangesOf(pages);
  expect(exchanges.map(({ messages }) => messages.map(({ content }) => content))).toEqual([
    ['user of 2', 'assistant of 2'],
    ['user of 1', 'assistant of 1'],
    ['user of 0'],
  ]);
  expect(exchanges.map(({ at }) => at)).toEqual(Array(3).fill('2026-05-04T09:30:00.000Z'));
  expect(exchangesOf(pages)[0]).toBe(exchanges[0]);
});

test.each(['ada', 'slack:T1:U2', 'zoë & co/x', '100% a/b?c#d', '%2F', 'a%'])(
  'the user %s is the same behind an address',
  (userId) => {
    // As the router does with an address.
    const part = decodeURI(chatPath('a', userId)).split('/').at(-1) ?? '';
    expect(userIdOf(part)).toBe(userId);
  },
);

test('an agent that was changed back has no changes; numbers that are empty are given back', () => {
  const recall = { topK: 3, threshold: 0.41, cosineWeight: 0.45, maxWords: 600, fillWords: 190 };
  const agent = {
    ...{ id: 'a', tenantId: 't', name: 'Mara', jobTitle: '', persona: '', systemPrompt: '', model: null },
    ...{ maxPromptTokens: 4_000, recall, liveReplies: true, llm: { withinMs: 5_000 } },
  };
  const draft = draftOf(agent);
  expect(changesOf(agent, draft)).toEqual({});
  expect(changesOf(agent, { ...draft, recall: { ...recall, topK: 5 } })).toEqual({
    recall: { ...recall, topK: 5 },
  });
  expect(changesOf(agent, { ...draft, maxPromptTokens: NaN, people: 'U1, U2' })).toEqual({
    maxPromptTokens: null,
    escalation: { people: ['U1', 'U2'] },
  });
});

test('a new agent sends of recall what is given, so that the rest is as the API sets it', () => {
  expect(bodyOf({ ...EMPTY, name: 'Mara' })).not.toHaveProperty('recall');
  const some = { ...EMPTY, name: 'Mara', recall: { ...EMPTY.recall, topK: 2 } };
  expect(bodyOf(some).recall).toEqual({ topK: 2 });
});

test('whatever is thrown is a problem that can be shown', () => {
  const invalid = { title: 'Invalid request', status: 400, errors: [{ field: 'name', problem: 'is empty' }] };
  expect(asProblem(invalid)).toMatchObject(invalid);
  expect(asProblem(new TypeError('fetch failed'))).toMatchObject({ title: 'No answer', errors: [] });
  expect(asProblem(undefined).title).toBe('Something went wrong');
});
