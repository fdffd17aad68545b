/** Chunks and documents without `choices`: other providers' own shapes, as gateways hand them on. */
import { asObject, asText, beginningOf, type Json } from './json.ts';
import type { Piece } from './piece.ts';
import { countsOf } from './read-counts.ts';
import { readMessage, readParts, thoughtIn } from './read-message.ts';

/** Some servers write out that there is no reason yet, or that more follows. */
const NOT_YET = /^(?:null|none|undefined|not_finished|unfinished|in_progress|queued|running|)$/i;

/** No server's reason is longer. */
const MAX_FINISH = 200;

/** The reason to finish, where there is one. */
export const finishOf = (finish: string | undefined): Piece =>
  finish === undefined || NOT_YET.test(finish) ? {} : { finish: beginningOf(finish, MAX_FINISH) };

/** A whole answer of the Responses API. */
export function readOutput(response: Json): Piece {
  const output = Array.isArray(response['output']) ? response['output'].map(asObject) : [];
  const messages = output
    .filter((item) => item?.['type'] === 'message')
    .map((item) => readMessage(item ?? {}));
  const reason = asText(asObject(response['incomplete_details'])?.['reason']);
  const status = asText(response['status']) ?? 'completed';
  return {
    message: messages.map(({ text = '' }) => text).join(''),
    reasoning: output.map((item) => (item?.['type'] === 'reasoning' ? thoughtIn(item) : '')).join(''),
    refusal: messages.map(({ refusal = '' }) => refusal).join(''),
    ...finishOf(reason ?? (/^complete/.test(status) ? 'stop' : status)),
    ...countsOf(response),
  };
}

/** Fields that hold a text, or a piece of one. */
const TEXTS = [
  'text',
  'output_text',
  'outputText',
  'generation',
  'completion',
  'result',
  'answer',
  'response',
  'content',
];
/** Lists with one answer each. */
const LISTS = ['results', 'generations', 'completions', 'outputs', 'predictions'];
/** Objects that wrap an answer. */
const WRAPPERS = ['output', 'contentBlockDelta', 'delta', 'messageStop', 'data', 'result'];
const FINISHES = [
  'done_reason',
  'finish_reason',
  'finishReason',
  'stop_reason',
  'stopReason',
  'completionReason',
  'stop_type',
];

/** Gemini, Ollama, TGI, Cloudflare, DashScope, Bedrock, Cohere, Dify, llama.cpp, Baidu. */
export function readOther(chunk: Json): Piece {
  if (chunk['object'] === 'response') return readOutput(chunk);
  const { output } = chunk;
  if (Array.isArray(output))
    return output.some((item) => typeof item === 'string') ? { message: output.join('') } : readOutput(chunk);
  const [candidate] = Array.isArray(chunk['candidates']) ? chunk['candidates'].map(asObject) : [];
  if (candidate) {
    const { text, reasoning } = readParts(asObject(candidate['content'])?.['parts']);
    return { text, reasoning, ...finishOf(asText(candidate['finishReason'])) };
  }
  const blocked = asText(asObject(chunk['promptFeedback'])?.['blockReason']);
  if (blocked !== undefined) return { finish: beginningOf(blocked, MAX_FINISH) };
  const { text, ...said } = readPlain(chunk);
  return { ...said, ...(text !== undefined && text !== '' && { text }), ...endOf(chunk) };
}

/** What a chunk says, at the first place that has a text. */
function readPlain(chunk: Json): Piece {
  const token = asObject(chunk['token']);
  const generated = asText(chunk['generated_text']);
  if (token) {
    return {
      ...(token['special'] !== true && { text: asText(token['text']) ?? '' }),
      // Beside the last token stands the whole.
      ...(generated !== undefined && { message: generated, end: true as const }),
    };
  }
  // Alone it is the whole of a document or a piece of a stream.
  if (generated !== undefined) return { message: generated };
  const message = asObject(chunk['message']);
  if (message) return readMessage(message);
  const last = Array.isArray(chunk['messages']) ? asObject(chunk['messages'].at(-1)) : undefined;
  if (last?.['role'] === 'assistant') return readMessage(last);
  if (Array.isArray(chunk['content'])) return readMessage(chunk);
  const isThought = /reason|think|thought/.test(`${asText(chunk['type'])} ${asText(chunk['event'])}`);
  const told = [...TEXTS, 'delta', 'output'].map((name) => asText(chunk[name])).find(Boolean);
  if (told !== undefined) return isThought ? { reasoning: told } : { text: told };
  for (const name of LISTS) {
    const list = chunk[name];
    const first: unknown = Array.isArray(list) ? list[0] : undefined;
    if (typeof first === 'string') return { text: first };
    const inner = asObject(first);
    if (inner) return readOther(asObject(inner['data']) ?? inner);
  }
  for (const name of WRAPPERS) {
    const inner = asObject(chunk[name]);
    if (!inner) continue;
    if (inner['reasoningContent']) return { reasoning: thoughtIn(inner['reasoningContent']) };
    const { text, ...said } = readOther(inner);
    // DashScope's text is the whole so far.
    return { ...said, ...(name === 'output' ? { ...(text && { message: text }) } : text && { text }) };
  }
  return {};
}

function endOf(chunk: Json): Piece {
  const isEnd =
    chunk['done'] === true ||
    chunk['is_end'] === true ||
    chunk['stop'] === true ||
    chunk['event'] === 'message_end' ||
    chunk['event_type'] === 'stream-end';
  const reason =
    FINISHES.map((name) => asText(chunk[name])).find(Boolean) ??
    asText(asObject(chunk['details'])?.['finish_reason']) ??
    asText(asObject(chunk['finishReason'])?.['reason']);
  return finishOf(reason ?? (isEnd ? 'stop' : undefined));
}
