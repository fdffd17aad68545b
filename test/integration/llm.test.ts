import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createLlmClient,
  LlmRejectedError,
  LlmUnavailableError,
  retryAfterMs,
} from '../../src/llm/client.ts';
import { createRunAgent, type RunAgent } from '../../src/llm/run-agent.ts';
import { buildSystemPrompt } from '../../src/domain/prompt.ts';
import { chunk, fail, startFakeLlm, streamText, type FakeLlm } from '../support/fake-llm.ts';

const AGENT = {
  id: 'mara',
  tenantId: 't',
  name: 'Mara',
  jobTitle: '',
  persona: '',
  systemPrompt: '',
  model: null,
  maxPromptTokens: null,
};
let llm: FakeLlm;
let runAgent: RunAgent;
beforeAll(async () => {
  llm = await startFakeLlm();
  runAgent = createRunAgent(createLlmClient({ baseUrl: llm.baseUrl, apiKey: 'k' }), {
    model: 'default-model',
    models: [],
  });
});
afterAll(() => llm.close());

describe('runAgent', () => {
  test('without prepared messages sends [system, user]', async () => {
    const completion = await runAgent('Hello', AGENT);
    expect(llm.prompts.at(-1)).toEqual([
      { role: 'system', content: buildSystemPrompt(AGENT) },
      { role: 'user', content: 'Hello' },
    ]);
    expect(completion).toMatchObject({
      text: 'Noted: Hello',
      model: 'scripted',
      usage: { promptTokens: 11, completionTokens: 7 },
    });
  });

  test('sends prepared messages unchanged', async () => {
    const messages = [
      { role: 'system' as const, content: 'prepared' },
      { role: 'user' as const, content: 'Hello' },
    ];
    await runAgent('ignored', AGENT, messages);
    expect(llm.prompts.at(-1)).toEqual(messages);
  });

  test('reports the text as it grows', async () => {
    const seen: string[] = [];
    await runAgent('Hello', AGENT, undefined, { onProgress: (text) => seen.push(text) });
    expect(seen).toEqual(['Noted:', 'Noted: Hello']);
  });

  test('removes characters that no store accepts (NUL, lone surrogates) from the reply', async () => {
    llm.answerWith(() => (res) => streamText(res, 'Noted\u0000: \ud83d it'));
    expect((await runAgent('Hello', AGENT)).text).toBe('Noted: \ufffd it');
  });
});

describe('failures', () => {
  test.each([400, 401, 403, 404, 422])('%i is permanent', async (status) => {
    llm.answerWith(() => fail(status));
    await expect(runAgent('x', AGENT)).rejects.toThrow(LlmRejectedError);
  });

  test.each([408, 429, 500, 502, 503])('%i is worth a retry', async (status) => {
    llm.answerWith(() => fail(status));
    await expect(runAgent('x', AGENT)).rejects.toThrow(LlmUnavailableError);
  });

  test('a 429 has the delay that the server asks for, and is not retried by the client', async () => {
    llm.answerWith(() => fail(429, { 'retry-after': '7' }));
    const before = llm.prompts.length;
    await expect(runAgent('x', AGENT)).rejects.toMatchObject({ retryAfterMs: 7_000 });
    expect(llm.prompts.length - before).toBe(1);
  });

  test('a stream that breaks off is no whole reply', async () => {
    llm.answerWith(() => (res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(chunk({ content: 'half a' }));
      setTimeout(() => res.destroy(), 20);
    });
    await expect(runAgent('x', AGENT)).rejects.toThrow(LlmUnavailableError);
  });

  test('a stream that ends without a finish reason is no whole reply either', async () => {
    llm.answerWith(() => (res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.end(chunk({ content: 'half a' }));
    });
    await expect(runAgent('x', AGENT)).rejects.toThrow(LlmUnavailableError);
  });

  test('an unreachable server is worth a retry', async () => {
    const away = createRunAgent(createLlmClient({ baseUrl: 'http://127.0.0.1:9', apiKey: 'k' }), {
      model: 'm',
      models: [],
    });
    await expect(away('x', AGENT)).rejects.toThrow(LlmUnavailableError);
  });
});

test('Retry-After: seconds, a date, milliseconds, nonsense', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  const read = (headers: Record<string, string>) => retryAfterMs(new Headers(headers), now);
  expect(read({ 'retry-after': '3' })).toBe(3_000);
  expect(read({ 'retry-after': 'Sun, 22 Nov 2026 12:00:30 GMT' })).toBe(30_000);
  expect(read({ 'retry-after': 'Sun, 22 Nov 2026 11:00:00 GMT' })).toBe(0);
  expect(read({ 'retry-after-ms': '250', 'retry-after': '9' })).toBe(250);
  expect(read({ 'retry-after': 'soon' })).toBeUndefined();
  expect(read({})).toBeUndefined();
});
