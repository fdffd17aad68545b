/** The contract suite: a loopback server plays what real ones have been seen to send. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createLlmClient,
  LlmRejectedError,
  LlmUnavailableError,
  type Completion,
} from '../../../src/llm/client.ts';
import type { PromptMessage } from '../../../src/domain/conversation.ts';
import { readBody, serve } from '../../support/http-server.ts';
import {
  CONTEXTS,
  ENDS,
  ENDINGS,
  REFUSALS,
  SHAPES,
  STREAMS,
  THOUGHTS,
  type Dialect,
  type Reply,
  type Sent,
} from './dialects.ts';

let server: Awaited<ReturnType<typeof serve>>;
let dialect: Dialect | undefined;
let requests: Sent[] = [];

beforeAll(async () => {
  server = await serve(async (req, res) => {
    const sent = JSON.parse(await readBody(req)) as Sent;
    requests.push(sent);
    const {
      status = 200,
      headers = {},
      chunks,
      end = 'close',
      pauseMs = 0,
    } = dialect?.reply(sent, requests.length) as Reply;
    res.writeHead(status, headers);
    res.flushHeaders();
    for (const chunk of chunks) {
      res.write(chunk);
      await new Promise((resolve) => (pauseMs > 0 ? setTimeout(resolve, pauseMs) : setImmediate(resolve)));
    }
    if (end === 'close') res.end();
    if (end === 'reset') setTimeout(() => res.destroy(), 20);
  });
});
afterAll(() => server.close());

const MESSAGES: PromptMessage[] = [
  { role: 'system', content: 'You are Mara.' },
  { role: 'system', content: 'Relevant context: none.' },
  ...Array.from({ length: 20 }, (_, i) => ({
    role: i % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: `${i} ${'word '.repeat(600)}`,
  })),
  { role: 'user', content: 'Hello?' },
];

async function play(played: Dialect) {
  dialect = played;
  requests = [];
  const client = createLlmClient({ baseUrl: `${server.url}/v1`, apiKey: 'sk-secret' });
  const seen: string[] = [];
  const ask = () =>
    client.complete({
      tenantId: 't',
      agentId: 'a',
      model: 'm',
      messages: MESSAGES,
      onProgress: (text) => seen.push(text),
    });
  const outcome = await ask().catch((error: unknown) => error);
  return { outcome, seen, ask };
}

function check({ expected }: Dialect, outcome: unknown): void {
  const { requests: count, ...fields } = expected as { requests?: number } & Record<string, unknown>;
  if (count !== undefined) expect(requests).toHaveLength(count);
  if ('rejected' in fields) {
    expect(outcome).toBeInstanceOf(LlmRejectedError);
    expect((outcome as LlmRejectedError).reason).toBe(fields['rejected']);
  } else if ('unavailable' in fields) {
    expect(outcome).toBeInstanceOf(LlmUnavailableError);
    expect((outcome as LlmUnavailableError).retryAfterMs).toBe(fields['retryAfterMs']);
  } else {
    // What is absent counts as undefined.
    const whole =
      outcome instanceof Error ? outcome : { droppedFromPrompt: undefined, ...(outcome as Completion) };
    expect(whole).toMatchObject(fields);
  }
  if (outcome instanceof Error) expect(outcome.message).toMatch(/^[^{}"]{10,90}$/);
}

describe.each([
  ['what is taken', STREAMS],
  ['other shapes', SHAPES],
  ['thoughts', THOUGHTS],
  ['ends, and what is waited for', ENDINGS],
  ['more ends', ENDS],
  ['parameters that are refused', REFUSALS],
  ['prompts that are too long', CONTEXTS],
] as const)('%s', (_, dialects) => {
  test.each(dialects.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
    const { outcome, seen } = await play(one);
    check(one, outcome);
    if (outcome instanceof Error) return;
    const { text } = outcome as Completion;
    for (const shown of seen) expect(text.startsWith(shown)).toBe(true);
  });
});

test('the docs name every dialect that has a source', () => {
  const rows = readFileSync('docs/LLM-SERVERS.md', 'utf8')
    .split('\n')
    .map((line) => line.replaceAll('`', '').replaceAll('\\|', '|').replace(/\s+/g, ' '));
  const all = [STREAMS, SHAPES, THOUGHTS, ENDINGS, ENDS, REFUSALS, CONTEXTS].flat();
  const sourced = all.filter(({ source }) => source !== 'hardening');
  expect(sourced.length).toBeGreaterThan(100);
  expect(rows).toEqual(expect.arrayContaining(sourced.map(({ name, source }) => `| ${name} | ${source} |`)));
});

test('every request is one system message and strict turns, with a cap', async () => {
  for (const one of [...STREAMS.slice(0, 1), ...CONTEXTS]) {
    await play(one);
    for (const { messages, max_tokens: cap } of requests) {
      expect(cap).toBeGreaterThan(0);
      expect(messages.map(({ role }) => role)).toEqual([
        'system',
        ...messages.slice(1).map((_, i) => (i % 2 === 0 ? 'user' : 'assistant')),
      ]);
      expect(messages.at(-1)).toEqual({ role: 'user', content: 'Hello?' });
    }
  }
});

test.each([...REFUSALS, ...CONTEXTS].map((one) => [one.name, one] as const))(
  '%s: is asked for once only',
  async (_, one) => {
    const { ask } = await play(one);
    const before = requests.length;
    expect(await ask()).toMatchObject({ text: 'Hello there, my friend!' });
    expect(requests).toHaveLength(before + 1);
  },
);

test.each(CONTEXTS.map((one) => [one.name, one] as const))('%s: says what was left out', async (_, one) => {
  const { outcome } = await play(one);
  const { droppedFromPrompt } = outcome as { droppedFromPrompt?: { windowMessages: number } };
  expect(droppedFromPrompt?.windowMessages).toBeGreaterThanOrEqual(2);
  expect((droppedFromPrompt?.windowMessages ?? 1) % 2).toBe(0);
});
