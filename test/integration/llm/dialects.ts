/**
 * What model servers have been seen to send, each with where it was reported: synthetic transcripts in the
 * shapes of the reports, no server's own words. docs/LLM-SERVERS.md says more.
 */
import type { Completion } from '../../../src/llm/client.ts';

export type Sent = Record<string, unknown> & { messages: Array<{ role: string; content: string }> };
export type Reply = {
  status?: number;
  headers?: Record<string, string>;
  /** Written one after the other. */
  chunks: ReadonlyArray<string | Uint8Array>;
  /** Between two chunks. */
  pauseMs?: number;
  /** How the connection ends after that; `open` leaves it open. */
  end?: 'close' | 'reset' | 'open';
};
export type Expected =
  | (Partial<Pick<Completion, 'text' | 'model' | 'usage' | 'cutOff' | 'finishReason' | 'reasoning'>> & {
      droppedFromPrompt?: undefined;
      requests?: number;
    })
  | { rejected: string | undefined; requests?: number }
  | { unavailable: true; retryAfterMs?: number; requests?: number };
export type Dialect = {
  name: string;
  source: string;
  /** The answer to the nth request, from 1. */
  reply: (sent: Sent, nth: number) => Reply;
  expected: Expected;
};

export const TEXT = 'Hello there, my friend!';
const SSE = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };

export const data = (value: unknown): string =>
  `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
export const delta = (fields: object, finish: string | null = null): string =>
  data({
    id: 'x',
    object: 'chat.completion.chunk',
    model: 'm-1',
    choices: [{ index: 0, delta: fields, finish_reason: finish }],
  });
const DONE = data('[DONE]');
const USAGE = data({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } });
export const events = (...chunks: string[]): Reply => ({ headers: SSE, chunks });
export const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { ...JSON_TYPE, ...headers },
  chunks: [JSON.stringify(value)],
});
const whole = (message: object, finish: string | null = 'stop', more: object = {}) =>
  json({
    id: 'x',
    object: 'chat.completion',
    model: 'm-1',
    choices: [{ index: 0, message, finish_reason: finish }],
    ...more,
  });
const error = (status: number, fields: object, headers: Record<string, string> = {}) =>
  json({ error: fields }, status, headers);
const hello = [
  delta({ role: 'assistant', content: '' }),
  delta({ content: 'Hello there,' }),
  delta({ content: ' my friend!' }),
];
const answered = events(...hello, delta({}, 'stop'), USAGE, DONE);
const says = (text: string, finish = 'stop') =>
  events(delta({ content: text.slice(0, 5) }), delta({ content: text.slice(5) }), delta({}, finish), DONE);
const always = (reply: Reply) => () => reply;
/** Refuses while the request has the parameter. */
const refuses = (parameter: string, refusal: Reply) => (sent: Sent) =>
  parameter in sent ? refusal : 'stream' in sent ? answered : whole({ content: TEXT });
const refusesOnce = (refusal: Reply) => (_: Sent, nth: number) => (nth === 1 ? refusal : answered);
const t = { text: TEXT };

export const STREAMS: readonly Dialect[] = [
  {
    name: 'OpenAI',
    source: 'deepset-ai/haystack#8968, datawhalechina/hello-agents#517',
    reply: always(answered),
    expected: {
      ...t,
      model: 'm-1',
      usage: { promptTokens: 11, completionTokens: 7 },
      finishReason: 'stop',
      requests: 1,
    },
  },
  {
    name: 'Azure: annotations without delta, before, between and after',
    source: 'openai/openai-python#1677, microsoft/autogen#6465',
    reply: always(
      events(
        data({ id: '', model: '', object: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] }),
        ...hello,
        delta({}, 'stop'),
        data({
          id: '',
          choices: [
            {
              index: 0,
              finish_reason: null,
              content_filter_results: {},
              content_filter_offsets: { check_offset: 44 },
            },
          ],
          usage: null,
        }),
        DONE,
      ),
    ),
    expected: t,
  },
  {
    name: 'delta is null at the end',
    source: 'langchain-ai/langchain#18977',
    reply: always(events(...hello, data({ choices: [{ index: 0, delta: null, finish_reason: 'stop' }] }))),
    expected: t,
  },
  {
    name: 'OpenRouter: comments while it waits, CRLF',
    source: 'openrouter docs; vercel/ai#2720',
    reply: always(
      events(
        ': OPENROUTER PROCESSING\r\n\r\n',
        ...answered.chunks.map((chunk) => String(chunk).replaceAll('\n', '\r\n')),
      ),
    ),
    expected: t,
  },
  {
    name: 'a BOM, retry and id fields, pings',
    source: 'eventsource-parser README',
    reply: always(
      events(
        '\uFEFFretry: 500\n\n',
        'event: ping\ndata: {}\n\n',
        `id: 1\n${hello[1]}`,
        String(hello[2]),
        'data: ping\n\n',
        delta({}, 'stop'),
        DONE,
      ),
    ),
    expected: t,
  },
  {
    name: 'no space after the colon',
    source: 'ikawrakow/ik_llama.cpp#467',
    reply: always(events(...answered.chunks.map((chunk) => String(chunk).replaceAll('data: ', 'data:')))),
    expected: t,
  },
  {
    name: 'no empty lines between events',
    source: 'TencentCloud/TencentDB-Agent-Memory#988',
    reply: always(events(...answered.chunks.map((chunk) => String(chunk).replace('\n\n', '\n')))),
    expected: t,
  },
  {
    name: 'no [DONE]',
    source: 'ikawrakow/ik_llama.cpp#467',
    reply: always(events(...hello, delta({}, 'stop'))),
    expected: t,
  },
  {
    name: '[DONE] without a finish reason',
    source: 'screenpipe/screenpipe#3616',
    reply: always(events(...hello, DONE)),
    expected: t,
  },
  {
    name: 'usage at the end without finish reason or [DONE]',
    source: 'alfredapp/openai-workflow#52',
    reply: always(events(...hello, USAGE)),
    expected: t,
  },
  {
    name: 'a finish reason in every chunk, from a slow model',
    source: 'hardening',
    reply: always({
      headers: SSE,
      pauseMs: 1_100,
      chunks: ['Hello ', 'there, ', 'my ', 'friend!'].map((word) => delta({ content: word }, 'stop')),
    }),
    expected: { ...t, requests: 1 },
  },
  {
    name: 'a finish reason in every chunk, and the connection breaks',
    source: 'hardening',
    reply: always({
      headers: SSE,
      chunks: ['Hello ', 'there, '].map((word) => delta({ content: word }, 'stop')),
      end: 'reset',
    }),
    expected: { unavailable: true },
  },
  {
    name: 'no reason yet, written out, and the connection breaks',
    source: 'hardening',
    reply: always({
      headers: SSE,
      chunks: ['Hello ', 'there, '].map((word) => delta({ content: word }, 'null')),
      end: 'reset',
    }),
    expected: { unavailable: true },
  },
  {
    name: 'more follows, it says, and the connection breaks',
    source: 'hardening',
    reply: always({ headers: SSE, chunks: [delta({ content: 'Hello ' }, 'not_finished')], end: 'reset' }),
    expected: { unavailable: true },
  },
  {
    name: 'watsonx, and the connection breaks',
    source: 'hardening',
    reply: always({
      headers: SSE,
      chunks: [data({ results: [{ generated_text: 'Hello ', stop_reason: 'not_finished' }] })],
      end: 'reset',
    }),
    expected: { unavailable: true },
  },
  {
    name: 'Responses that are still in progress, and the connection breaks',
    source: 'hardening',
    reply: always({
      headers: SSE,
      chunks: [
        data({ object: 'response', status: 'in_progress', output: [{ type: 'message', content: 'Hello ' }] }),
      ],
      end: 'reset',
    }),
    expected: { unavailable: true },
  },
  {
    name: 'counts alone between the words',
    source: 'hardening',
    reply: always({
      headers: SSE,
      pauseMs: 1_100,
      chunks: [
        ...['Hello ', 'there, ', 'my '].flatMap((word) => [delta({ content: word }), USAGE]),
        delta({ content: 'friend!' }),
        DONE,
      ],
    }),
    expected: { ...t, requests: 1 },
  },
  {
    name: 'counts alone between the words, and the connection breaks',
    source: 'hardening',
    reply: always({
      headers: SSE,
      chunks: [delta({ content: 'Hello ' }), USAGE, delta({ content: 'there, ' })],
      end: 'reset',
    }),
    expected: { unavailable: true },
  },
  {
    name: 'a thought that finishes, then the answer',
    source: 'hardening',
    reply: always({
      headers: SSE,
      pauseMs: 1_100,
      chunks: [
        delta({ reasoning_content: 'They greet.' }, 'stop'),
        delta({ content: 'Hello there, ' }),
        delta({ content: 'my friend!' }, 'stop'),
        DONE,
      ],
    }),
    expected: t,
  },
  {
    name: 'running usage is no end: breaks off',
    source: 'alfredapp/openai-workflow#52',
    reply: always(
      events(
        data({
          choices: [{ index: 0, delta: { content: 'Half' } }],
          usage: { prompt_tokens: 1, completion_tokens: 1 },
        }),
      ),
    ),
    expected: { unavailable: true },
  },
  {
    name: 'the gateway cuts the stream',
    source: 'anomalyco/opencode#39968',
    reply: always({ headers: SSE, chunks: hello, end: 'reset' }),
    expected: { unavailable: true },
  },
  {
    name: 'the connection stays open after [DONE]',
    source: 'diegosouzapw/OmniRoute#6777',
    reply: always({ headers: SSE, chunks: [...hello, delta({}, 'stop'), DONE], end: 'open' }),
    expected: t,
  },
  {
    name: 'the connection stays open after the finish reason',
    source: 'diegosouzapw/OmniRoute#6777',
    reply: always({ headers: SSE, chunks: [...hello, delta({}, 'stop')], end: 'open' }),
    expected: t,
  },
  {
    name: 'plain JSON to a stream request',
    source: 'mrdushidush/claudette#41',
    reply: always(whole({ role: 'assistant', content: TEXT })),
    expected: t,
  },
  {
    name: 'plain JSON, named event-stream, pretty-printed',
    source: 'diegosouzapw/OmniRoute#3112',
    reply: always({
      headers: SSE,
      chunks: [
        JSON.stringify({ choices: [{ message: { content: TEXT }, finish_reason: 'stop' }] }, null, 2),
        '\n',
      ],
    }),
    expected: t,
  },
  {
    name: 'plain JSON without a finish reason, with a line break',
    source: 'openai/openai-openapi#20',
    reply: always({
      headers: JSON_TYPE,
      chunks: [JSON.stringify({ choices: [{ message: { content: TEXT }, finish_reason: null }] }), '\n'],
    }),
    expected: t,
  },
  {
    name: 'a stream, named JSON',
    source: 'anomalyco/opencode#4698',
    reply: always({ headers: JSON_TYPE, chunks: answered.chunks }),
    expected: t,
  },
  {
    name: 'message instead of delta',
    source: 'swuecho/chat#687',
    reply: always(
      events(
        data({ choices: [{ index: 0, message: { content: 'Hello there,' } }] }),
        data({ choices: [{ index: 0, message: { content: ' my friend!' }, finish_reason: 'stop' }] }),
      ),
    ),
    expected: t,
  },
  {
    name: 'the whole text once more in a final message',
    source: 'infiniflow/ragflow#3685',
    reply: always(
      events(
        ...hello,
        data({ choices: [{ index: 0, delta: {}, message: { content: TEXT }, finish_reason: 'stop' }] }),
      ),
    ),
    expected: t,
  },
  {
    name: 'the whole text once more in the last delta',
    source: 'infiniflow/ragflow#3685',
    reply: always(events(...hello, delta({ content: TEXT }, 'stop'))),
    expected: t,
  },
  {
    name: 'each chunk holds the text so far',
    source: 'tashfeenahmed/freellmapi#1007',
    reply: always(
      events(
        ...['Hello', 'Hello there,', 'Hello there, my', TEXT].map((content) => delta({ content })),
        delta({}, 'stop'),
      ),
    ),
    expected: t,
  },
  {
    name: 'legacy completions',
    source: 'openai/openai-openapi#100',
    reply: always(
      events(
        data({ choices: [{ index: 0, text: 'Hello there,' }] }),
        data({ choices: [{ index: 0, text: ' my friend!', finish_reason: 'stop' }] }),
      ),
    ),
    expected: t,
  },
  {
    name: 'content as a list of parts',
    source: 'BerriAI/litellm#16272',
    reply: always(
      events(
        delta({ content: [{ type: 'text', text: 'Hello there,' }] }),
        delta({ content: [{ type: 'output_text', text: ' my friend!' }] }, 'stop'),
      ),
    ),
    expected: t,
  },
  {
    name: 'only roles, then all at once',
    source: 'cloudflare/ai#204',
    reply: always(
      events(
        delta({ role: 'assistant' }),
        delta({ role: 'assistant', content: null }),
        delta({ role: 'assistant', content: TEXT }, 'stop'),
      ),
    ),
    expected: t,
  },
  {
    name: 'Ollama: lines of JSON',
    source: 'ollama/ollama docs/api.md',
    reply: always({
      headers: { 'content-type': 'application/x-ndjson' },
      chunks: [
        '{"model":"m-1","message":{"role":"assistant","content":"Hello there,"},"done":false}\n',
        '{"model":"m-1","message":{"role":"assistant","content":" my friend!"},"done":false}\n{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":11,"eval_count":7}\n',
      ],
    }),
    expected: { ...t, usage: { promptTokens: 11, completionTokens: 7 } },
  },
  {
    name: 'Anthropic’s events',
    source: 'anthropics/anthropic-sdk-typescript#399',
    reply: always(
      events(
        'event: message_start\n' +
          data({ type: 'message_start', message: { model: 'm-1', usage: { input_tokens: 11 } } }),
        'event: content_block_delta\n' +
          data({ type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm.' } }),
        'event: content_block_delta\n' +
          data({ type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: TEXT } }),
        data({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } }),
        data({ type: 'message_stop' }),
      ),
    ),
    expected: { ...t, usage: { promptTokens: 11, completionTokens: 7 }, reasoning: { characters: 3 } },
  },
  {
    name: 'Anthropic’s whole answer',
    source: 'anthropics/anthropic-sdk-typescript#399',
    reply: always(
      json({
        type: 'message',
        role: 'assistant',
        content: [{ type: 'text', text: TEXT }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 1, output_tokens: 2 },
      }),
    ),
    expected: t,
  },
  {
    name: 'Responses’ events',
    source: 'lsdefine/GenericAgent#753',
    reply: always(
      events(
        data({ type: 'response.created', response: {} }),
        data({ type: 'response.output_text.delta', delta: 'Hello there,' }),
        data({ type: 'response.output_text.delta', delta: ' my friend!' }),
        data({
          type: 'response.completed',
          response: {
            output: [{ type: 'message', content: [{ type: 'output_text', text: TEXT }] }],
            usage: { input_tokens: 1, output_tokens: 2 },
          },
        }),
      ),
    ),
    expected: t,
  },
  {
    name: 'Gemini’s candidates',
    source: 'tashfeenahmed/freellmapi#1007',
    reply: always(
      events(
        data({
          candidates: [
            { content: { parts: [{ text: 'I think.', thought: true }, { text: 'Hello there,' }] } },
          ],
        }),
        data({
          candidates: [{ content: { parts: [{ text: ' my friend!' }] }, finishReason: 'STOP' }],
          usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7, thoughtsTokenCount: 3 },
        }),
      ),
    ),
    expected: { ...t, reasoning: { tokens: 3 } },
  },
  {
    name: 'Cloudflare’s result',
    source: 'cloudflare/ai#204',
    reply: always(json({ result: { response: TEXT }, success: true, errors: [] })),
    expected: t,
  },
  {
    name: 'a gateway’s envelope',
    source: 'one-api',
    reply: always(
      json({ code: 200, data: { choices: [{ message: { content: TEXT }, finish_reason: 'stop' }] } }),
    ),
    expected: t,
  },
  {
    name: 'TGI’s tokens',
    source: 'huggingface/text-generation-inference#104',
    reply: always(
      events(
        data({ token: { text: 'Hello there,', special: false } }),
        data({
          token: { text: ' my friend!', special: false },
          generated_text: TEXT,
          details: { finish_reason: 'eos_token' },
        }),
      ),
    ),
    expected: t,
  },
];

const took = (name: string, source: string, reply: Reply, expected: Expected = t): Dialect => ({
  name,
  source,
  reply: always(reply),
  expected,
});
/** The text in two pieces, each in its chunk. */
const halves = (chunk: (piece: string, nth: number) => unknown, ...last: unknown[]): Reply =>
  events(data(chunk('Hello there,', 0)), data(chunk(' my friend!', 1)), ...last.map(data));
const reasoned = { ...t, reasoning: { characters: 5 } };

/** Other providers' own shapes, as gateways hand them on. */
export const SHAPES: readonly Dialect[] = [
  took(
    'choices that begin with 1',
    'spring-projects/spring-ai#6221',
    halves(
      (content, nth) => ({ choices: [{ index: 1, delta: { content }, finish_reason: nth ? 'stop' : null }] }),
      '[DONE]',
    ),
  ),
  took(
    'choices that count chunks, with delta and message',
    'microsoft/foundry-local#263, huggingface/text-generation-inference#1648',
    halves(
      (content, index) => ({ choices: [{ index, delta: { content }, message: { content } }] }),
      '[DONE]',
    ),
  ),
  took(
    'text in a delta',
    'hardening',
    halves((text) => ({ choices: [{ delta: { text } }] }), '[DONE]'),
  ),
  took(
    'a delta without choices',
    'hardening',
    halves((text) => ({ delta: { text } }), '[DONE]'),
  ),
  took(
    'a delta that is a text',
    'hardening',
    halves((delta) => ({ choices: [{ delta }] }), '[DONE]'),
  ),
  took(
    'watsonx',
    'hardening',
    halves((generated_text, nth) => ({
      results: [{ generated_text, stop_reason: nth ? 'eos_token' : 'not_finished' }],
    })),
  ),
  took(
    'watsonx, out of time',
    'hardening',
    json({ results: [{ generated_text: TEXT, stop_reason: 'time_limit' }] }),
    { ...t, cutOff: true },
  ),
  took('an event that says the end by its name', 'hardening', {
    headers: SSE,
    chunks: [...hello, 'event: end\ndata: {}\n\n'],
  }),
  took('[DONE] as JSON', 'hardening', events(...hello, 'data: "[DONE]"\n\n')),
  took(
    'an envelope with a code of its own',
    'hardening',
    json({ code: 10_000, message: 'success', data: { choices: [{ message: { content: TEXT } }] } }),
  ),
  took(
    'an answer as the text of a body',
    'hardening',
    json({ statusCode: 200, body: JSON.stringify({ choices: [{ message: { content: TEXT } }] }) }),
  ),
  took(
    'a list of messages',
    'hardening',
    json({
      messages: [
        { role: 'user', content: 'Hello?' },
        { role: 'assistant', content: TEXT },
      ],
    }),
  ),
  took('lines of JSON without the lines', 'hardening', {
    headers: JSON_TYPE,
    chunks: [
      '{"message":{"content":"Hello there,"},"done":false}{"message":{"content":" my',
      ' friend!"},"done":true,"done_reason":"stop"}',
    ],
  }),
  took(
    'a finish reason of no length in every chunk',
    'sgl-project/sglang#3912',
    events(delta({ content: 'Hello there,' }, ''), delta({ content: ' my friend!' }, ''), delta({}, 'stop')),
  ),
  took('Hugging Face', 'hardening', json([{ generated_text: TEXT }])),
  took(
    'Responses, cut off without a reason',
    'hardening',
    json({
      object: 'response',
      status: 'incomplete',
      output: [{ type: 'message', content: [{ type: 'output_text', text: TEXT }] }],
    }),
    { ...t, cutOff: true },
  ),
  took('one choice, in no list', 'hardening', json({ choices: { message: { content: TEXT } } })),
  took('text alone', 'hardening', json({ text: TEXT })),
  took('answer alone', 'hardening', json({ answer: TEXT })),
  took('output alone', 'hardening', json({ output: TEXT })),
  took(
    'output as a list of pieces',
    'hardening',
    json({ status: 'succeeded', output: ['Hello there,', ' my friend!'] }),
  ),
  took(
    'DashScope: text',
    'hardening',
    json({ output: { text: TEXT, finish_reason: 'stop' }, request_id: 'r' }),
  ),
  took(
    'DashScope: the whole so far in each event',
    'alibaba/spring-ai-alibaba#302',
    events(
      data({ output: { text: 'Hello there,', finish_reason: 'null' } }),
      data({ output: { text: TEXT, finish_reason: 'stop' } }),
    ),
  ),
  took(
    'DashScope: choices',
    'hardening',
    json({ code: '', output: { choices: [{ message: { content: TEXT }, finish_reason: 'stop' }] } }),
  ),
  took(
    'Bedrock Converse',
    'hardening',
    json({
      output: {
        message: {
          role: 'assistant',
          content: [{ reasoningContent: { reasoningText: { text: 'They.' } } }, { text: TEXT }],
        },
      },
      stopReason: 'end_turn',
      usage: { inputTokens: 11, outputTokens: 7 },
    }),
    { ...reasoned, finishReason: 'end_turn', usage: { promptTokens: 11, completionTokens: 7 } },
  ),
  took(
    'Bedrock Converse, as a stream',
    'hardening',
    events(
      data({ contentBlockDelta: { delta: { reasoningContent: { text: 'They.' } } } }),
      data({ contentBlockDelta: { delta: { text: TEXT } } }),
      data({ messageStop: { stopReason: 'max_tokens' } }),
      data({ metadata: { usage: { inputTokens: 11, outputTokens: 7 } } }),
    ),
    { ...reasoned, cutOff: true, usage: { promptTokens: 11, completionTokens: 7 } },
  ),
  took(
    'Bedrock: results',
    'hardening',
    json({ results: [{ outputText: TEXT, completionReason: 'FINISH' }] }),
  ),
  took('Bedrock: generation', 'hardening', json({ generation: TEXT, stop_reason: 'stop' })),
  took('predictions', 'hardening', json({ predictions: [{ content: TEXT }] })),
  took(
    'Dify',
    'hardening',
    json({
      event: 'message',
      answer: TEXT,
      metadata: { usage: { prompt_tokens: 11, completion_tokens: 7 } },
    }),
    { ...t, usage: { promptTokens: 11, completionTokens: 7 } },
  ),
  took(
    'Dify’s events',
    'crazywoola/dify-bot#2',
    halves((answer) => ({ event: 'agent_message', answer }), { event: 'message_end', metadata: {} }),
  ),
  took(
    'Cohere',
    'BerriAI/litellm#33320',
    json({
      finish_reason: 'MAX_TOKENS',
      message: { role: 'assistant', content: [{ type: 'text', text: TEXT }] },
      usage: { tokens: { input_tokens: 11, output_tokens: 7 } },
    }),
    { ...t, cutOff: true, usage: { promptTokens: 11, completionTokens: 7 } },
  ),
  took(
    'Cohere’s events',
    'deepset-ai/haystack-core-integrations#2266',
    events(
      data({ type: 'message-start', delta: { message: { role: 'assistant', content: [] } } }),
      data({ type: 'content-delta', delta: { message: { content: { thinking: 'They.' } } } }),
      data({ type: 'content-delta', delta: { message: { content: { text: TEXT } } } }),
      data({ type: 'message-end', delta: { finish_reason: 'COMPLETE' } }),
    ),
    reasoned,
  ),
  took(
    'Cohere’s older events',
    'cohere-ai/cohere-typescript#114',
    halves((text) => ({ event_type: 'text-generation', text }), {
      event_type: 'stream-end',
      finish_reason: 'COMPLETE',
      response: { text: TEXT },
    }),
  ),
  took(
    'Anthropic’s answer without its type',
    'hardening',
    json({ role: 'assistant', content: [{ type: 'text', text: TEXT }], stop_reason: 'end_turn' }),
  ),
  took(
    'Gemini’s whole answer',
    'hardening',
    json([
      { candidates: [{ content: { parts: [{ text: 'Hello there,' }] } }] },
      { candidates: [{ content: { parts: [{ text: ' my friend!' }] }, finishReason: 'STOP' }] },
    ]),
  ),
  took(
    'llama.cpp’s completion',
    'hardening',
    halves((content, nth) => ({ content, stop: nth === 1, ...(nth && { stop_type: 'eos' }) })),
  ),
  took(
    'Baidu',
    'hardening',
    halves((result, nth) => ({ result, is_end: nth === 1 })),
  ),
  took(
    'Responses without its name',
    'hardening',
    json({ output: [{ type: 'message', content: [{ text: TEXT }] }] }),
  ),
  took(
    'a gateway’s envelope that says Success',
    'hardening',
    json({ code: 'Success', data: { choices: [{ message: { content: TEXT }, finish_reason: 'stop' }] } }),
  ),
  took('comments, then plain JSON', 'hardening', {
    headers: SSE,
    chunks: [
      ': keep-alive\n\n',
      ': keep-',
      'alive\n\n',
      JSON.stringify({ choices: [{ message: { content: TEXT } }] }, null, 1),
    ],
  }),
  ...[
    { reasoning_content: ['Th', { text: 'ey.' }] },
    { reasoning_details: [{ type: 'reasoning.summary', summary: 'They.' }] },
    { reasoning_summary: [{ type: 'summary_text', text: 'They.' }] },
    { thinking_blocks: [{ type: 'thinking', thinking: 'They.', signature: 's' }] },
  ].map((fields) =>
    took(
      `a thought in ${Object.keys(fields).join()}`,
      'hardening',
      whole({ ...fields, content: TEXT }),
      reasoned,
    ),
  ),
];

const thinks = (name: string, source: string, text: string, answer = TEXT): Dialect => ({
  name,
  source,
  reply: always(says(text)),
  expected: { text: answer },
});

export const THOUGHTS: readonly Dialect[] = [
  thinks('<think>', 'open-webui/open-webui#8706', `<think>\nThey greet me.\n</think>\n\n${TEXT}`),
  thinks('<thinking>', 'continuedev/continue#3832', `<thinking>They greet me.</thinking>${TEXT}`),
  thinks('<thought>', 'OpenHands/OpenHands#8218', `<thought>They greet me.</thought> ${TEXT}`),
  thinks('<reasoning>', 'open-webui', `<reasoning>They.</reasoning>\n${TEXT}`),
  thinks('Kimi', 'vllm-project/vllm', `◁think▷They greet me.◁/think▷${TEXT}`),
  thinks('Magistral', 'vercel/ai#6715', `[THINK]They greet me.[/THINK]${TEXT}`),
  thinks('Cohere', 'smg-project/smg#306', `<|START_THINKING|>They greet me.<|END_THINKING|>${TEXT}`),
  thinks('<scratchpad>', 'hardening', `<scratchpad>They greet me.</scratchpad>\n${TEXT}`),
  thinks('<reason>', 'hardening', `<reason>They greet me.</reason>\n${TEXT}`),
  thinks('<antThinking>', 'hardening', `<antThinking>They greet me.</antThinking>\n${TEXT}`),
  thinks('two thoughts', 'open-webui', `<think>a</think>\n<think>b</think>\n${TEXT}`),
  thinks('MiniMax', 'NousResearch/hermes-agent#62680', `<mm:think>a</mm:think>${TEXT}`),
  thinks(
    'harmony',
    'kekzl/imp#768',
    `<|channel|>analysis<|message|>They greet.<|end|><|start|>assistant<|channel|>final<|message|>${TEXT}<|return|>`,
  ),
  thinks(
    'harmony without its tokens',
    'Augustas11/macprovider#743',
    `analysisWe need to greet.assistantfinal${TEXT}`,
  ),
  thinks(
    'the opening tag is missing',
    'vllm-project/vllm#13125, deepseek-ai/DeepSeek-R1#352',
    `Okay, so they greet me.\n</think>\n\n${TEXT}`,
  ),
  thinks('the text begins with the closing tag', 'vllm-project/vllm#13375', `</think>\n\n${TEXT}`),
  thinks('an empty thought', 'vllm-project/vllm#13375', `<think>\n\n</think>\n\n${TEXT}`),
  thinks(
    'a thought that quotes the tag',
    'DeepSeek-R1',
    `<think>I may write \`</think>\` here.</think>${TEXT}`,
  ),
  thinks(
    'a thought after the first words',
    'HenriGrimm/Minnow#928',
    `<think>a</think>Hello there,\n<think>They are a friend.</think>\nmy friend!`,
    'Hello there,\nmy friend!',
  ),
  thinks('tags of two kinds', 'Zoo-Code-Org/Zoo-Code#324', `<think>a</thought>b</think>${TEXT}`),
  thinks(
    'Solar',
    'ggml-org/llama.cpp#18540',
    `<|think|>They greet me.<|end|><|begin|>assistant<|content|>${TEXT}<|end|>`,
  ),
  thinks('<|think|>', 'NickMonrad/kernel-ai-assistant#946', `<|think|>They greet me.<|/think|>${TEXT}`),
  thinks('Gemma', 'leehack/llamadart#108', `<|channel>thought\nThey greet me.<channel|>${TEXT}`),
  thinks('Gemma, the opening tag is missing', 'jundot/omlx#2533', `Okay, so they greet me.<channel|>${TEXT}`),
  thinks('MedGemma', 'ollama/ollama#15754', `<unused94>thought\nThey greet me.<unused95>${TEXT}`),
  thinks(
    's1',
    'hardening',
    `<|im_start|>think\nThey greet me.<|im_end|>\n<|im_start|>answer\n${TEXT}<|im_end|>`,
  ),
  thinks('Seed', 'open-webui/open-webui#16880', `<seed:think>They greet me.</seed:think>${TEXT}`),
  thinks(
    'a folded block for people',
    'hardening',
    `<details type="reasoning" done="true">\n<summary>Thought for 1 second</summary>\n> a\n</details>\n${TEXT}`,
  ),
  thinks(
    'Ollama’s command line',
    'ollama/ollama#11545',
    `Thinking...\nThey greet.\n...done thinking.\n\n${TEXT}`,
  ),
  thinks(
    'inline code mentions it',
    'open-webui/open-webui#8706',
    'Use `<think>` and `</think>` around it.',
    'Use `<think>` and `</think>` around it.',
  ),
  thinks(
    'a closing tag alone in inline code',
    'open-webui/open-webui#8706',
    'The tag `</think>` ends it.',
    'The tag `</think>` ends it.',
  ),
  thinks(
    'a code block mentions it',
    'open-webui/open-webui#8706',
    'Like so:\n```xml\n<think>a</think>\n```\nThat is all.',
    'Like so:\n```xml\n<think>a</think>\n```\nThat is all.',
  ),
  ...[
    'Models such as R1 end their thoughts with </think> and then answer.',
    'A thought ends with (</think>), then comes the answer.',
    'Use these tags:\n- `<think>` opens\n- </think> closes it.\nDone.',
    'It is closed by [/THINK]. That is all.',
    '思考は</think>で終わります。',
  ].map((text) => thinks(`a sentence speaks of it: ${text.slice(0, 20)}`, 'hardening', text, text)),
  ...['They greet me</think>', 'Let them be greeted.\n</think>\n\n', 'They greet me.</think>'].map(
    (thought) => thinks(`the opening tag is missing: ${thought}`, 'hardening', `Okay, so. ${thought}${TEXT}`),
  ),
  thinks('a thought ends with a word', 'hardening', `<think>a</think>They greet me</think>${TEXT}`),
  ...['<reasoning>Because it is late.</reasoning>', '<analysis>\n  <item>1</item>\n</analysis>'].map((text) =>
    thinks(`an answer that is a document: ${text.slice(0, 10)}`, 'hardening', text, text),
  ),
  thinks(
    'a thought, then a document',
    'hardening',
    '<think>a</think>\n<analysis>b</analysis>',
    '<analysis>b</analysis>',
  ),
  {
    name: 'a document that may be a thought, at the limit',
    source: 'hardening',
    reply: always(says('<analysis>They greet me</analysis>', 'length')),
    expected: { rejected: 'onlyThought' },
  },
  {
    name: 'a thought alone',
    source: 'hardening',
    reply: always(says('<think>a</think>')),
    expected: { text: '' },
  },
  {
    name: 'reasoning_content',
    source: 'spring-projects/spring-ai#6858',
    reply: always(
      events(
        delta({ reasoning_content: 'They ' }),
        delta({ reasoning_content: 'greet.' }),
        ...hello,
        delta({}, 'stop'),
      ),
    ),
    expected: { ...t, reasoning: { characters: 11 } },
  },
  {
    name: 'both in one delta',
    source: 'futuregene/future-os#46',
    reply: always(events(delta({ reasoning_content: 'greet.', content: TEXT }, 'stop'))),
    expected: { ...t, reasoning: { characters: 6 } },
  },
  {
    name: 'reasoning and reasoning_details',
    source: 'laravel/ai#813, huggingface/responses.js#19',
    reply: always(
      events(
        delta({ reasoning: 'They.', reasoning_details: [{ type: 'reasoning.text', text: 'They.' }] }),
        ...hello,
        delta({}, 'stop'),
        data({
          choices: [],
          usage: {
            prompt_tokens: 1,
            completion_tokens: 9,
            completion_tokens_details: { reasoning_tokens: 4 },
          },
        }),
      ),
    ),
    expected: { ...t, reasoning: { tokens: 4 } },
  },
  {
    name: 'Magistral: thinking parts',
    source: 'BerriAI/litellm#16272',
    reply: always(
      events(
        delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'They greet.' }] }] }),
        delta({ content: [{ type: 'text', text: TEXT }] }, 'stop'),
      ),
    ),
    expected: { ...t, reasoning: { characters: 11 } },
  },
  {
    name: 'nothing but a thought, at the limit',
    source: 'codelibs/fess#3061',
    reply: always(events(delta({ reasoning_content: 'They greet me and' }), delta({}, 'length'), DONE)),
    expected: { rejected: 'onlyThought', requests: 1 },
  },
  {
    name: 'an unclosed thought, at the limit',
    source: 'kekzl/imp#1442',
    reply: always(says('<think>They greet me and', 'length')),
    expected: { rejected: 'onlyThought' },
  },
  {
    name: 'an unclosed thought',
    source: 'kekzl/imp#1442',
    reply: always(says('<think>They greet me')),
    expected: { text: '' },
  },
];

export const ENDINGS: readonly Dialect[] = [
  {
    name: 'length',
    source: 'ra-jeev/write-assist-ai#32',
    reply: always(says(TEXT, 'length')),
    expected: { ...t, cutOff: true, finishReason: 'length' },
  },
  {
    name: 'max_tokens',
    source: 'anthropics/anthropic-sdk-typescript#399',
    reply: always(says(TEXT, 'max_tokens')),
    expected: { ...t, cutOff: true },
  },
  {
    name: 'MAX_TOKENS',
    source: 'project-arbr/arbr-control-plane#253',
    reply: always(says(TEXT, 'MAX_TOKENS')),
    expected: { ...t, cutOff: true },
  },
  {
    name: 'content_policy_violation',
    source: 'hardening',
    reply: always(says('', 'content_policy_violation')),
    expected: { rejected: 'filtered' },
  },
  {
    name: 'content_filter without text',
    source: 'huggingface/chat-ui#2385',
    reply: always(events(delta({}, 'content_filter'), DONE)),
    expected: { rejected: 'filtered', requests: 1 },
  },
  {
    name: 'SAFETY',
    source: 'epam/ai-dial-adapter-vertexai#149',
    reply: always(events(data({ candidates: [{ finishReason: 'SAFETY' }] }))),
    expected: { rejected: 'filtered' },
  },
  {
    name: 'a blocked prompt',
    source: 'simonw/llm-gemini#144',
    reply: always(json({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } })),
    expected: { rejected: 'filtered' },
  },
  {
    name: 'refusal',
    source: 'langchain-ai/langchain#39747',
    reply: always(
      events(delta({ refusal: 'I can’t ' }), delta({ refusal: 'help.' }), delta({}, 'stop'), DONE),
    ),
    expected: { rejected: 'refused' },
  },
  {
    name: 'Azure’s filter',
    source: 'Azure/azure-sdk-for-net#38608',
    reply: always(
      error(400, {
        message: 'The response was filtered due to the prompt triggering our content management policy.',
        code: 'content_filter',
        status: 400,
        innererror: { code: 'ResponsibleAIPolicyViolation' },
      }),
    ),
    expected: { rejected: 'filtered', requests: 1 },
  },
  {
    name: 'DeepSeek’s filter',
    source: 'deepseek-ai/DeepSeek-V2#30',
    reply: always(error(400, { message: 'Content Exists Risk', type: 'invalid_request_error' })),
    expected: { rejected: 'filtered' },
  },
  {
    name: 'no credit: OpenAI',
    source: 'openai/openai-cookbook#844',
    reply: always(
      error(429, {
        message: 'You exceeded your current quota, please check your plan and billing details.',
        type: 'insufficient_quota',
        code: 'insufficient_quota',
      }),
    ),
    expected: { rejected: 'outOfCredit', requests: 1 },
  },
  {
    name: 'no credit: Anthropic',
    source: 'anthropics/claude-code#4684',
    reply: always(
      json(
        {
          type: 'error',
          error: {
            type: 'invalid_request_error',
            message:
              'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
          },
        },
        400,
      ),
    ),
    expected: { rejected: 'outOfCredit', requests: 1 },
  },
  {
    name: 'no credit: DeepSeek',
    source: 'continuedev/continue#9942',
    reply: always(error(402, { message: 'Insufficient Balance' })),
    expected: { rejected: 'outOfCredit' },
  },
  {
    name: 'no credit: new-api',
    source: 'songquanpeng/one-api#1270',
    reply: always(error(403, { message: 'token quota is not enough', code: 'insufficient_user_quota' })),
    expected: { rejected: 'outOfCredit' },
  },
  {
    name: 'no such model: OpenAI',
    source: 'timkmecl/chatgpt-vscode#45',
    reply: always(
      error(404, {
        message: 'The model `m` does not exist or you do not have access to it.',
        code: 'model_not_found',
      }),
    ),
    expected: { rejected: 'unknownModel', requests: 1 },
  },
  {
    name: 'no such model: LM Studio has none loaded',
    source: 'tinyhumansai/openhuman#4181',
    reply: always(error(400, { message: 'No models loaded. Please load a model in the developer page.' })),
    expected: { rejected: 'unknownModel' },
  },
  {
    name: 'no credit: xAI',
    source: 'continuedev/continue#12670',
    reply: always(error(403, { message: "Your team doesn't have any credits yet." })),
    expected: { rejected: 'outOfCredit' },
  },
  {
    name: 'overloaded, under a status of a bad request',
    source: 'hardening',
    reply: always(error(400, { type: 'overloaded_error', message: 'Overloaded' })),
    expected: { unavailable: true },
  },
  {
    name: 'no such model: Ollama',
    source: 'netease-youdao/QAnything#555',
    reply: always(error(404, { message: 'model "m" not found, try pulling it first' })),
    expected: { rejected: 'unknownModel' },
  },
  {
    name: 'no such model: DeepSeek',
    source: 'ConardLi/easy-dataset#9',
    reply: always(error(400, { message: 'Model Not Exist' })),
    expected: { rejected: 'unknownModel', requests: 1 },
  },
  {
    name: 'no such model: OpenRouter',
    source: 'continuedev/continue#10758',
    reply: always(error(400, { message: 'm is not a valid model ID', code: 400 })),
    expected: { rejected: 'unknownModel', requests: 1 },
  },
  {
    name: 'a bad key',
    source: 'continuedev/continue#9358',
    reply: always(error(401, { message: 'Incorrect API key provided: sk-abc.', code: 'invalid_api_key' })),
    expected: { rejected: 'badKey', requests: 1 },
  },
  {
    name: 'a bad key: Gemini, in a list',
    source: 'continuedev/continue#10560',
    reply: always(
      json(
        [
          {
            error: {
              code: 400,
              message: 'API key not valid. Please pass a valid API key.',
              status: 'INVALID_ARGUMENT',
            },
          },
        ],
        400,
      ),
    ),
    expected: { rejected: 'badKey', requests: 1 },
  },
  {
    name: '429 with Retry-After',
    source: 'openai',
    reply: always(
      error(429, { message: 'Rate limit reached', code: 'rate_limit_exceeded' }, { 'retry-after': '7' }),
    ),
    expected: { unavailable: true, retryAfterMs: 7_000, requests: 1 },
  },
  {
    name: '429 that says it in words',
    source: 'FoundationAgents/MetaGPT#523',
    reply: always(
      error(429, { message: 'Rate limit reached for m on tokens per min. Please try again in 7.5s.' }),
    ),
    expected: { unavailable: true, retryAfterMs: 7_500 },
  },
  {
    name: '429 with x-ratelimit-reset',
    source: 'documented by console.groq.com/docs/rate-limits',
    reply: always(
      error(
        429,
        { message: 'Too many' },
        {
          'x-ratelimit-remaining-requests': '0',
          'x-ratelimit-reset-requests': '1m30s',
          'x-ratelimit-remaining-tokens': '10',
          'x-ratelimit-reset-tokens': '5m',
        },
      ),
    ),
    expected: { unavailable: true, retryAfterMs: 90_000 },
  },
  {
    name: '429 with the reset of a minute’s tokens',
    source: 'hardening',
    reply: always(
      error(
        429,
        { message: 'Tokens per minute limit exceeded', code: 'token_quota_exceeded' },
        {
          'x-ratelimit-remaining-tokens-minute': '0',
          'x-ratelimit-reset-tokens-minute': '23.4',
          'x-ratelimit-remaining-requests-day': '5',
          'x-ratelimit-reset-requests-day': '33011',
        },
      ),
    ),
    expected: { unavailable: true, retryAfterMs: 23_400 },
  },
  {
    name: '429 that asks to wait',
    source: 'hardening',
    reply: always(error(429, { message: 'Rate limit exceeded. Please wait 20 seconds before you go on.' })),
    expected: { unavailable: true, retryAfterMs: 20_000 },
  },
  {
    name: '429 with the headers of the server behind it in the body',
    source: 'hardening',
    reply: always(
      error(429, {
        code: 429,
        message: 'Rate limit exceeded: free-models-per-min.',
        metadata: { headers: { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '42' } },
      }),
    ),
    expected: { unavailable: true, retryAfterMs: 42_000 },
  },
  {
    name: '429 of Gemini, which speaks of billing',
    source: 'google-gemini/gemini-cli#8437',
    reply: always(
      json(
        [
          {
            error: {
              code: 429,
              message: 'You exceeded your current quota, please check your plan and billing details.',
              status: 'RESOURCE_EXHAUSTED',
              details: [{ retryDelay: '36s' }],
            },
          },
        ],
        429,
      ),
    ),
    expected: { unavailable: true, retryAfterMs: 36_000 },
  },
  {
    name: '429 of Azure, which speaks of quota',
    source: 'microsoft/sample-app-aoai-chatGPT#406',
    reply: always(
      error(429, {
        code: '429',
        message:
          'Requests have exceeded token rate limit of your current pricing tier. Please retry after 7 seconds. Go here to increase the default quota.',
      }),
    ),
    expected: { unavailable: true, retryAfterMs: 7_000 },
  },
  {
    name: 'the model is loading',
    source: 'mostlygeek/llama-swap#146',
    reply: always(error(503, { code: 503, message: 'Loading model', type: 'unavailable_error' })),
    expected: { unavailable: true, requests: 1 },
  },
  {
    name: 'overloaded, within a stream',
    source: 'lsdefine/GenericAgent#753',
    reply: always(
      events(
        'event: error\n' +
          data({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
      ),
    ),
    expected: { unavailable: true },
  },
  {
    name: 'an error within a stream',
    source: 'diegosouzapw/OmniRoute#8210',
    reply: always(
      events(
        delta({ content: 'Half' }),
        data({
          choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
          error: { code: 502, message: 'Provider disconnected' },
        }),
      ),
    ),
    expected: { unavailable: true },
  },
  {
    name: 'out of credit, within a stream',
    source: 'apache/rocketmq-dashboard#2178',
    reply: always(events(data({ error: { message: 'insufficient balance' } }), DONE)),
    expected: { rejected: 'outOfCredit' },
  },
  {
    name: 'an HTML page',
    source: 'nginx',
    reply: always({
      headers: { 'content-type': 'text/html' },
      chunks: ['<html><body>Welcome</body></html>'],
    }),
    expected: { unavailable: true },
  },
  {
    name: 'an HTML page, 502',
    source: 'nearai/ironclaw#1994',
    reply: always({
      status: 502,
      headers: { 'content-type': 'text/html' },
      chunks: ['<html>Bad Gateway</html>'],
    }),
    expected: { unavailable: true },
  },
  {
    name: 'an empty body',
    source: 'lmstudio-ai/lmstudio-bug-tracker#2339',
    reply: always({ headers: SSE, chunks: [] }),
    expected: { unavailable: true },
  },
  {
    name: 'well-formed, without a word',
    source: 'lmstudio-ai/lmstudio-bug-tracker#2339',
    reply: always(events(delta({ role: 'assistant' }), delta({}, 'stop'), DONE)),
    expected: { text: '' },
  },
];

const ends = (
  name: string,
  source: string,
  reply: Reply,
  rejected: string | undefined,
  requests = 1,
): Dialect => ({
  name,
  source,
  reply: always(reply),
  expected: { rejected, requests },
});

/** More of what ends a turn at once. */
export const ENDS: readonly Dialect[] = [
  ends(
    'a country that is not served: OpenAI',
    'home-assistant/core#120072',
    error(403, {
      code: 'unsupported_country_region_territory',
      message: 'Country, region, or territory not supported',
      type: 'request_forbidden',
    }),
    undefined,
  ),
  ends(
    'a country that is not served: Gemini',
    'google-gemini/gemini-cli#24641',
    json([{ error: { code: 400, message: 'User location is not supported for the API use.' } }], 400),
    undefined,
  ),
  ends(
    'a country that is not served: Anthropic',
    'hardening',
    error(403, { message: 'Access to the models is not allowed from unsupported countries or regions.' }),
    undefined,
  ),
  ends(
    'no credit: Anthropic, its own limit',
    'anthropics/claude-code#2127',
    error(400, {
      type: 'invalid_request_error',
      message: 'You have reached your specified API usage limits. You will regain access on 2026-01-01.',
    }),
    'outOfCredit',
  ),
  ends(
    'no credit: OpenRouter, the key’s own limit',
    'gptme/gptme#1449',
    error(403, { message: 'Key limit exceeded (monthly limit).', code: 403 }),
    'outOfCredit',
  ),
  ends(
    'no credit: a gateway’s budget',
    'hardening',
    error(400, { message: 'Budget has been exceeded! Current cost: 10.1, Max budget: 10.0' }),
    'outOfCredit',
  ),
  ...[
    'The provided model identifier is invalid.',
    'Invocation of m with on-demand throughput isn’t supported.',
  ].map((message) => ends(`no such model: ${message}`, 'hardening', json({ message }, 400), 'unknownModel')),
  ends(
    'no such model any more',
    'hardening',
    error(410, { message: 'The model has been retired' }),
    'unknownModel',
  ),
  ends(
    'nothing but a thought, 400',
    'hardening',
    error(400, {
      message: 'Could not finish the message because max_tokens or model output limit was reached.',
      type: 'invalid_request_error',
    }),
    'onlyThought',
  ),
  ends(
    'no such model, 503: new-api',
    'songquanpeng/one-api#1494',
    error(503, {
      code: 'model_not_found',
      message: 'No available channel for model m',
      type: 'new_api_error',
    }),
    'unknownModel',
  ),
  ends(
    'a bad key, 500 of a gateway',
    'hardening',
    error(500, { code: 'invalid_api_key', message: 'upstream' }),
    'badKey',
  ),
  ends(
    'no credit for even a short answer: OpenRouter',
    'anomalyco/opencode#12219',
    error(402, { message: 'You requested up to 32000 tokens, but can only afford 0.', code: 402 }),
    'outOfCredit',
  ),
  ends(
    'no such address, status 200: LM Studio',
    'lmstudio-ai/lmstudio-bug-tracker#618',
    json({ error: 'Unexpected endpoint or method. (POST /chat/completions)' }),
    undefined,
  ),
  ends(
    'a bad key, status 200: DashScope',
    'dinoanderson/qwen_cli_coder#1, with status 401',
    json({ code: 'InvalidApiKey', message: 'Invalid API-key provided.', request_id: 'r' }),
    'badKey',
  ),
  ends(
    'it has failed, and says no more',
    'hardening',
    json({ success: false, message: 'unauthorized' }),
    'badKey',
  ),
  ends(
    'no credit, with a delay',
    'hardening',
    error(429, { code: 'insufficient_quota', message: 'You have no quota left.' }, { 'retry-after': '5' }),
    'outOfCredit',
  ),
];

export const REFUSALS: readonly Dialect[] = [
  {
    name: 'stream: an organisation that is not verified',
    source: 'charmbracelet/crush#422',
    reply: refuses(
      'stream',
      error(403, {
        message: 'Your organization must be verified to stream this model.',
        param: 'stream',
        code: 'unsupported_value',
      }),
    ),
    expected: t,
  },
  ...[
    error(422, { message: "messages.0.role: Input should be 'user' or 'assistant'" }),
    json(
      { detail: [{ loc: ['body', 'messages', 0, 'role'], msg: "Input should be 'user' or 'assistant'" }] },
      422,
    ),
    json({ message: 'A conversation must start with a user message. Try again.' }, 400),
    error(400, { message: "Invalid enum value. Expected 'user' | 'assistant', received 'system'" }),
  ].map((refusal, nth): Dialect => ({
    name: `the system role, in other words ${nth + 1}`,
    source: 'hardening',
    reply: (sent) => (sent.messages[0]?.role === 'system' ? refusal : answered),
    expected: { ...t, requests: 2 },
  })),
  ...["Invalid value: 'system'. Supported values are: 'user', 'assistant'.", 'Unexpected role "system"'].map(
    (message): Dialect => ({
      name: `the system role: ${message}`,
      source: 'hardening',
      reply: (sent) =>
        sent.messages.some(({ role }) => role === 'system') ? error(400, { message }) : answered,
      expected: t,
    }),
  ),
  {
    name: 'max_tokens: OpenAI',
    source: 'teilomillet/gollm#33',
    reply: refuses(
      'max_tokens',
      error(400, {
        message:
          "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        param: 'max_tokens',
        code: 'unsupported_parameter',
      }),
    ),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'stream_options: Mistral',
    source: 'mistralai/platform-docs-public#7',
    reply: refuses(
      'stream_options',
      json(
        {
          detail: [
            {
              type: 'extra_forbidden',
              loc: ['body', 'stream_options'],
              msg: 'Extra inputs are not permitted',
              input: { include_usage: true },
            },
          ],
        },
        422,
      ),
    ),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'stream_options in a JSON text',
    source: 'mistralai/platform-docs-public#7',
    reply: refuses(
      'stream_options',
      json(
        {
          object: 'error',
          message: JSON.stringify({
            detail: [{ loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }],
          }),
          type: 'internal_error_proxy',
        },
        422,
      ),
    ),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'stream_options: unknown field',
    source: 'langgenius/dify#8615',
    reply: refuses(
      'stream_options',
      error(400, {
        message: 'Unrecognized request argument supplied: stream_options',
        type: 'invalid_request_error',
      }),
    ),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'extra fields, unnamed',
    source: 'langgenius/dify#8615',
    reply: refuses('stream_options', json({ detail: 'extra fields not permitted' }, 422)),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'stream',
    source: 'anomalyco/opencode#4698',
    reply: refuses(
      'stream',
      error(400, { message: 'Streaming is not supported for this model', code: 'invalid_request' }),
    ),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'stream, by value',
    source: 'anomalyco/opencode#4698',
    reply: refuses(
      'stream',
      error(400, {
        message:
          "Unsupported value: 'stream' does not support true with this model. Only the default (false) value is supported.",
        param: 'stream',
        code: 'unsupported_value',
      }),
    ),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'stream, 501',
    source: 'LocalAI',
    reply: refuses('stream', error(501, { message: 'stream is not implemented' })),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'something, without saying what',
    source: 'new-api',
    reply: refuses('stream_options', error(400, { message: 'Bad Request' })),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'stream_options, 500 and nothing said',
    source: 'hardening',
    reply: refuses('stream_options', error(500, { message: 'Internal Server Error' })),
    expected: { ...t, requests: 2 },
  },
  {
    name: 'too large a cap: OpenAI',
    source: 'ChatGPTNextWeb/NextChat#3195',
    reply: (sent) =>
      Number(sent['max_tokens']) > 4_096
        ? error(400, {
            message: 'max_tokens is too large: 8192. This model supports at most 4096 completion tokens.',
            param: 'max_tokens',
            code: 'invalid_value',
          })
        : answered,
    expected: { ...t, requests: 2 },
  },
  {
    name: 'too large a cap: Anthropic',
    source: 'BerriAI/litellm#15715',
    reply: (sent) =>
      Number(sent['max_tokens']) > 4_096
        ? json(
            {
              type: 'error',
              error: {
                type: 'invalid_request_error',
                message:
                  'max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens for m',
              },
            },
            400,
          )
        : answered,
    expected: { ...t, requests: 2 },
  },
  {
    name: 'too large a cap: Cohere, which speaks of too many tokens',
    source: 'hardening',
    reply: (sent) =>
      Number(sent['max_tokens']) > 4_096
        ? json(
            {
              message:
                'too many tokens: max tokens must be less than or equal to 4096, the maximum output length for this model - received 8192.',
            },
            400,
          )
        : answered,
    expected: { ...t, requests: 2, droppedFromPrompt: undefined },
  },
  {
    name: 'a system role: Gemma',
    source: 'EricLBuehler/mistral.rs#506',
    reply: (sent) =>
      sent.messages[0]?.role === 'system'
        ? error(400, { message: 'System role not supported', type: 'BadRequestError' })
        : answered,
    expected: { ...t, requests: 2 },
  },
  {
    name: 'a system role: llama.cpp’s template, 500',
    source: 'anomalyco/opencode#5034',
    reply: (sent) =>
      sent.messages[0]?.role === 'system'
        ? error(500, {
            code: 500,
            message: 'Conversation roles must alternate user/assistant/user/assistant/...',
          })
        : answered,
    expected: { ...t, requests: 2 },
  },
];

const tooLong = (name: string, source: string, refusal: Reply): Dialect => ({
  name,
  source,
  reply: refusesOnce(refusal),
  expected: { ...t, requests: 2 },
});

export const CONTEXTS: readonly Dialect[] = [
  tooLong(
    'exllama',
    'hardening',
    error(400, { message: 'Prompt length 20000 is greater than max_seq_len 8192' }),
  ),
  tooLong(
    'TabbyAPI',
    'hardening',
    error(400, { message: 'Context length 20000 is greater than max_seq_len 8192' }),
  ),
  tooLong('Zhipu', 'NousResearch/hermes-agent#1877', error(400, { code: '1261', message: 'Prompt 超长' })),
  tooLong(
    'MiniMax',
    'hardening',
    json({ base_resp: { status_code: 1039, status_msg: 'token limit exceeded' } }),
  ),
  tooLong(
    'Ollama: the prompt has filled the context, and nothing came',
    'can1357/oh-my-pi#2774',
    json({
      choices: [{ message: { content: '' }, finish_reason: 'length' }],
      usage: { prompt_tokens: 8_191, completion_tokens: 1 },
    }),
  ),
  tooLong(
    'a completion cut off at no tokens',
    'openai/openai-agents-python#4510',
    json({
      choices: [{ message: { content: null }, finish_reason: 'length' }],
      usage: { prompt_tokens: 0, completion_tokens: 0 },
    }),
  ),
  tooLong(
    'OpenAI',
    'crewAIInc/crewAI-examples#121',
    error(400, {
      message:
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 20000 tokens. Please reduce the length of the messages.",
      code: 'context_length_exceeded',
    }),
  ),
  tooLong(
    'vLLM',
    'vllm-project/vllm#20409',
    json(
      {
        object: 'error',
        message:
          "This model's maximum context length is 8192 tokens. However, you requested 28192 tokens (20000 in the messages, 8192 in the completion).",
        type: 'BadRequestError',
        code: 400,
      },
      400,
    ),
  ),
  tooLong(
    'llama.cpp',
    'ggml-org/llama.cpp#15780',
    error(400, {
      code: 400,
      message:
        'the request exceeds the available context size. try increasing the context size or enable context shift',
      type: 'exceed_context_size_error',
      n_prompt_tokens: 20_000,
      n_ctx: 8_192,
    }),
  ),
  tooLong(
    'llama.cpp, an error within status 200',
    'oobabooga/textgen#7257',
    json({
      error: {
        code: 400,
        message: 'the request exceeds the available context size',
        type: 'exceed_context_size_error',
        n_prompt_tokens: 20_000,
        n_ctx: 8_192,
      },
    }),
  ),
  tooLong(
    'llama-cpp-python',
    'abetlen/llama-cpp-python#416',
    error(400, { message: 'Requested tokens (20000) exceed context window of 8192' }),
  ),
  tooLong(
    'LM Studio',
    'lmstudio-ai/lmstudio-bug-tracker#237',
    error(400, {
      message:
        'Trying to keep the first 20000 tokens when context the overflows. However, the model is loaded with context length of only 8192 tokens, which is not enough.',
    }),
  ),
  tooLong(
    'LM Studio, n_keep',
    'anomalyco/opencode#11141',
    error(400, { message: 'Cannot truncate prompt with n_keep (20000) >= n_ctx (8192)' }),
  ),
  tooLong(
    'Anthropic',
    'anthropics/claude-code#12186',
    json(
      {
        type: 'error',
        error: { type: 'invalid_request_error', message: 'prompt is too long: 20000 tokens > 8192 maximum' },
      },
      400,
    ),
  ),
  tooLong(
    'Gemini',
    'google-gemini/gemini-cli#13006',
    json(
      [
        {
          error: {
            code: 400,
            message: 'The input token count (20000) exceeds the maximum number of tokens allowed (8192).',
            status: 'INVALID_ARGUMENT',
          },
        },
      ],
      400,
    ),
  ),
  tooLong(
    'Mistral',
    'mistralai',
    json(
      {
        object: 'error',
        message:
          'Prompt contains 20000 tokens and 0 draft tokens, too large for model with 8192 maximum context length',
        code: '3051',
      },
      400,
    ),
  ),
  tooLong(
    'TGI',
    'huggingface/text-generation-inference#628',
    json(
      {
        error:
          'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8192. Given: 20000 `inputs` tokens and 512 `max_new_tokens`',
        error_type: 'validation',
      },
      422,
    ),
  ),
  tooLong(
    'SGLang, the prompt alone',
    'sgl-project/sglang#4048',
    error(400, {
      message: 'Input length (20000 tokens) exceeds the maximum allowed length (8192 tokens).',
    }),
  ),
  tooLong(
    'SGLang',
    'sgl-project/sglang#8096',
    json(
      {
        object: 'error',
        message: "The input (20000 tokens) is longer than the model's context length (8192 tokens).",
        code: 400,
      },
      400,
    ),
  ),
  tooLong(
    'xAI',
    'cline/cline#3120',
    error(400, {
      message: "This model's maximum prompt length is 8192 but the request contains 20000 tokens.",
    }),
  ),
  tooLong(
    'Cloudflare',
    'cloudflare',
    json(
      {
        errors: [
          {
            message:
              'The estimated number of input and maximum output tokens (20000) exceeded this model context window limit (8192).',
            code: 5021,
          },
        ],
      },
      413,
    ),
  ),
  tooLong(
    'Bedrock',
    'aws-samples/assessment-generator#2',
    error(400, { message: 'Input is too long for requested model.' }),
  ),
  tooLong(
    'GitHub Models',
    'tubone24/nfcMyBusinessCard#47',
    error(413, {
      code: 'tokens_limit_reached',
      message: 'Request body too large for m model. Max size: 8000 tokens.',
    }),
  ),
  tooLong(
    'Groq: more than a minute’s tokens',
    'continuedev/continue#10218',
    error(413, {
      message:
        'Request too large for model m on tokens per minute (TPM): Limit 8192, Requested 20000, please reduce your message size and try again.',
      code: 'rate_limit_exceeded',
    }),
  ),
  tooLong('413 of a proxy', 'ChronoAIProject/NyxID#957', {
    status: 413,
    headers: { 'content-type': 'text/html' },
    chunks: ['<html>413 Request Entity Too Large</html>'],
  }),
  tooLong(
    'Anthropic, with the answer',
    'docker/docker-agent#569',
    error(400, {
      message:
        'input length and `max_tokens` exceed context limit: 20000 + 8192 > 8192, decrease input length',
    }),
  ),
  tooLong(
    'vLLM, what is left for the answer',
    'vllm-project/vllm#4667',
    error(400, { message: 'max_tokens must be at least 1, got -17.' }),
  ),
];
