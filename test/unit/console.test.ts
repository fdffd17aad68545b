/** What the console's page works out by itself. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { exchangesOf } from '../../console/src/api/exchanges.ts';
import { asProblem } from '../../console/src/api/problem.ts';
import { sendMessage, type ReplyEvent } from '../../console/src/api/reply-events.ts';
import { bodyOf, changesOf, draftOf, EMPTY } from '../../console/src/pages/agents/draft.ts';
import { chatPath, userIdOf } from '../../console/src/paths.ts';

const OUTGOING = { agentId: 'a', userId: 'ada', text: 'Hello', key: 'the-key' };
const ANSWER = { messageId: 'm', workflowId: 'w', state: 'done', reply: { text: 'Hi Ada' }, missing: [] };
const event = (id: string, name: string, data: object): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

const original = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = original;
});

type Asked = { url: string; headers: Headers };

/** Lets each request be answered by the next of these, and writes down what was asked. */
function answering(...answers: Array<() => Response>): Asked[] {
  const asked: Asked[] = [];
  globalThis.fetch = jest.fn((url: string | URL | Request, init?: RequestInit) => {
    asked.push({ url: url as string, headers: new Headers(init?.headers) });
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
