/**
 * One JSON document of an answer, a chunk of a stream or a whole answer, in whatever of the known shapes:
 * chat completions, legacy completions, Responses, Anthropic's and Cohere's events; `read-other.ts` has what
 * is without choices and types. docs/LLM-SERVERS.md names the sources.
 */
import { asObject, asText, beginningOf, readJson, type Json } from './json.ts';
import type { Piece } from './piece.ts';
import { countsOf } from './read-counts.ts';
import { readMessage } from './read-message.ts';
import { finishOf, readOther, readOutput } from './read-other.ts';

/** A longer name of a model is cut: it travels with the turn. */
const MAX_MODEL_NAME = 200;

/** What a chunk says. `event` is the stream's name for it. */
export function readChunk(value: unknown, event?: string): Piece {
  // Gemini's errors come in a list.
  const chunk = asObject(Array.isArray(value) ? value[0] : value);
  if (!chunk) return event === 'error' ? { error: value } : {};
  const inner = innerOf(chunk);
  const error = errorOf(chunk, event, inner) ?? (inner === chunk ? undefined : errorOf(inner, undefined));
  if (error !== undefined) return { error };
  const typed = asText(inner['type']);
  const said = typed !== undefined ? readTyped(inner, typed) : undefined;
  const piece = said ?? readChoice(inner) ?? readOther(inner);
  const counts = countsOf(inner);
  const model = asText(inner['model']) ?? asText(asObject(inner['message'])?.['model']);
  return {
    ...piece,
    ...counts,
    ...(model !== undefined && { model: beginningOf(model, MAX_MODEL_NAME) }),
    ...(counts && !said && !hasPlaceForText(inner) && { countsAlone: true }),
  };
}

/** Gateways wrap: `{"data": {"choices": …}}`, `{"result": …}`, `{"body": "{\"choices\": …}"}`. */
function innerOf(chunk: Json): Json {
  if (chunk['choices'] !== undefined) return chunk;
  for (const name of ['data', 'result', 'output', 'response', 'completion', 'body']) {
    const inner = asObject(chunk[name]) ?? (name === 'body' ? jsonIn(chunk[name]) : undefined);
    if (
      inner &&
      (Array.isArray(inner['choices']) || Array.isArray(inner['candidates']) || asText(inner['response']))
    ) {
      return { ...inner, ...(asObject(chunk['usage']) && !inner['usage'] && { usage: chunk['usage'] }) };
    }
  }
  return chunk;
}

const jsonIn = (text: unknown): Json | undefined =>
  typeof text === 'string' ? asObject(readJson(text)) : undefined;

/** `inner` is what a chunk wraps: a code beside an answer is none of an error. */
function errorOf(chunk: Json, event: string | undefined, inner = chunk): unknown {
  const { error, errors } = chunk;
  if (error !== undefined && error !== null && error !== false && error !== '') {
    return typeof error === 'object' ? { ...chunk, ...asObject(error) } : chunk;
  }
  const type = asText(chunk['type']);
  const isNamed =
    event === 'error' || type === 'error' || type === 'response.failed' || chunk['object'] === 'error';
  if (isNamed) return asObject(asObject(chunk['response'])?.['error']) ?? chunk;
  if (Array.isArray(errors) && errors.length > 0) return chunk;
  if (chunk['choices'] === undefined && chunk['detail'] !== undefined) return chunk;
  const code =
    chunk['code'] ??
    chunk['error_code'] ??
    chunk['statusCode'] ??
    asObject(chunk['base_resp'])?.['status_code'];
  const isCoded =
    (typeof code === 'number' || typeof code === 'string') && !/^(?:0|200|success|ok|)$/i.test(String(code));
  const isFailed = chunk['success'] === false || /^(?:error|failed)$/i.test(asText(chunk['status']) ?? '');
  return (isCoded || isFailed) && !hasPlaceForText(chunk) && !hasPlaceForText(inner) ? chunk : undefined;
}

const PLACES = [
  'choices',
  'candidates',
  'content',
  'message',
  'messages',
  'response',
  'token',
  'generated_text',
  'output',
  'answer',
  'text',
  'result',
  'completion',
  'generation',
];

function hasPlaceForText(chunk: Json): boolean {
  return PLACES.some((name) => {
    const place = chunk[name];
    if (Array.isArray(place)) return place.length > 0;
    return name === 'message' ? asObject(place) !== undefined : place !== undefined && place !== null;
  });
}

function readChoice(chunk: Json): Piece | undefined {
  const given = chunk['choices'];
  if (given === undefined || given === null) return undefined;
  const list: unknown[] = Array.isArray(given) ? given : [given];
  const choices = list.map(asObject).filter((choice) => choice !== undefined);
  // One answer is asked for. Some servers count chunks, or begin with 1.
  const choice =
    choices.find(({ index }) => index === undefined || index === null || index === 0) ?? choices[0];
  if (!choice) return {};
  if (choice['error']) return { error: asObject(choice['error']) ?? choice };
  const delta = messageIn(choice['delta']);
  const message = messageIn(choice['message']);
  const legacy = choice['text'] ?? choice['content'];
  const finish =
    asText(choice['finish_reason']) ?? asText(choice['finishReason']) ?? asText(choice['stop_reason']);
  const streamed = delta && readMessage(delta);
  const whole = message && readMessage(message);
  // Some say each piece in both.
  const isCopy = streamed?.text !== undefined && streamed.text === whole?.text;
  return {
    ...whole,
    ...streamed,
    ...(whole?.text !== undefined && !isCopy && { message: whole.text, text: streamed?.text ?? '' }),
    ...(!delta && !message && typeof legacy === 'string' && { text: legacy }),
    ...finishOf(finish),
  };
}

const messageIn = (value: unknown): Json | undefined =>
  typeof value === 'string' ? { content: value } : asObject(value);

/** Anthropic's and Responses' events, and their whole answers. Undefined for other types. */
function readTyped(chunk: Json, type: string): Piece | undefined {
  const delta = asObject(chunk['delta']);
  switch (type) {
    case 'content_block_delta':
      return {
        text: asText(delta?.['text']) ?? '',
        ...(asText(delta?.['thinking']) !== undefined && { reasoning: asText(delta?.['thinking']) ?? '' }),
      };
    case 'content_block_start':
      return readMessage({ content: [chunk['content_block']] });
    case 'content-delta':
      return readMessage(asObject(delta?.['message']) ?? {});
    case 'message-end':
      return { end: true, ...finishOf(asText(delta?.['finish_reason'])) };
    case 'message_delta':
      return finishOf(asText(delta?.['stop_reason']));
    case 'message_stop':
      return { end: true };
    case 'message': {
      const { text = '', ...rest } = readMessage(chunk);
      return { ...rest, message: text, ...finishOf(asText(chunk['stop_reason'])) };
    }
    case 'response.output_text.delta':
      return { text: asText(chunk['delta']) ?? '' };
    case 'response.reasoning_text.delta':
    case 'response.reasoning_summary_text.delta':
      return { reasoning: asText(chunk['delta']) ?? '' };
    case 'response.refusal.delta':
      return { refusal: asText(chunk['delta']) ?? '' };
    case 'response.completed':
    case 'response.incomplete':
      return readOutput(asObject(chunk['response']) ?? {});
    case 'ping':
    case 'message_start':
    case 'content_block_stop':
      return {};
    default:
      return type.startsWith('response.') ? {} : undefined;
  }
}
