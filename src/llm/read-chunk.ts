/**
 * One JSON document of an answer, a chunk of a stream or a whole answer, in whatever of the known shapes:
 * chat completions, legacy completions, Responses, Anthropic's events, Gemini's candidates, Ollama's lines,
 * TGI, Cloudflare. docs/LLM-SERVERS.md names the sources.
 */
import { asCount, asObject, asText, type Json } from './json.ts';

/** What a chunk says; everything may be absent. */
export type Piece = {
  /** To be added to the text so far. */
  text?: string;
  /** The whole text so far, or a piece more: the chunk has a `message` where streams have a `delta`. */
  message?: string;
  reasoning?: string;
  refusal?: string;
  finish?: string;
  promptTokens?: number;
  completionTokens?: number;
  reasoningTokens?: number;
  model?: string;
  /** What the server calls an error, as it came. */
  error?: unknown;
  /** The shape's own end, where no finish reason is needed. */
  end?: true;
  /** Counts alone, without a place for text: in streams that comes last. */
  countsAlone?: true;
};

/** What a chunk says. `event` is the stream's name for it. */
export function readChunk(value: unknown, event?: string): Piece {
  // Gemini's errors come in a list.
  const chunk = asObject(Array.isArray(value) ? value[0] : value);
  if (!chunk) return event === 'error' ? { error: value } : {};
  const inner = innerOf(chunk);
  const error = errorOf(chunk, event) ?? (inner === chunk ? undefined : errorOf(inner, undefined));
  if (error !== undefined) return { error };
  const typed = asText(inner['type']);
  const said = typed !== undefined ? readTyped(inner, typed) : undefined;
  const piece = said ?? readChoice(inner) ?? readOther(inner);
  const counts = countsOf(inner);
  const model = asText(inner['model']) ?? asText(asObject(inner['message'])?.['model']);
  return {
    ...piece,
    ...counts,
    ...(model !== undefined && { model }),
    ...(counts && !said && !hasPlaceForText(inner) && { countsAlone: true }),
  };
}

/** Gateways wrap: `{"data": {"choices": …}}`, `{"result": …}`, `{"output": …}`, `{"response": …}`. */
function innerOf(chunk: Json): Json {
  if (chunk['choices'] !== undefined) return chunk;
  for (const name of ['data', 'result', 'output', 'response', 'completion']) {
    const inner = asObject(chunk[name]);
    if (
      inner &&
      (Array.isArray(inner['choices']) || Array.isArray(inner['candidates']) || asText(inner['response']))
    ) {
      return { ...inner, ...(asObject(chunk['usage']) && !inner['usage'] && { usage: chunk['usage'] }) };
    }
  }
  return chunk;
}

function errorOf(chunk: Json, event: string | undefined): unknown {
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
  const code = chunk['code'] ?? chunk['error_code'] ?? asObject(chunk['base_resp'])?.['status_code'];
  const isCoded = code !== undefined && code !== null && ![0, '0', 200, '200', ''].includes(code as number);
  return isCoded && !hasPlaceForText(chunk) ? chunk : undefined;
}

const PLACES = [
  'choices',
  'candidates',
  'content',
  'message',
  'response',
  'token',
  'generated_text',
  'output',
  'answer',
];

function hasPlaceForText(chunk: Json): boolean {
  return PLACES.some((name) => {
    const place = chunk[name];
    if (Array.isArray(place)) return place.length > 0;
    return name === 'message' ? asObject(place) !== undefined : place !== undefined && place !== null;
  });
}

function readChoice(chunk: Json): Piece | undefined {
  const list = chunk['choices'];
  if (!Array.isArray(list)) return undefined;
  const choices = list.map(asObject).filter((choice) => choice !== undefined);
  const choice = choices.find(({ index }) => index === undefined || index === null || index === 0);
  if (!choice) return {};
  if (choice['error']) return { error: asObject(choice['error']) ?? choice };
  const delta = asObject(choice['delta']);
  const message = asObject(choice['message']);
  const legacy = choice['text'];
  const finish =
    asText(choice['finish_reason']) ?? asText(choice['finishReason']) ?? asText(choice['stop_reason']);
  const streamed = delta && readMessage(delta);
  const whole = message && readMessage(message);
  return {
    ...whole,
    ...streamed,
    ...(whole?.text !== undefined && { message: whole.text, text: streamed?.text ?? '' }),
    ...(!delta && !message && typeof legacy === 'string' && { text: legacy }),
    ...(finish !== undefined && { finish }),
  };
}

/** A `delta` or a `message`. */
function readMessage(message: Json): Piece {
  const piece: Piece = {};
  const content = readParts(message['content']);
  if (content.text !== '') piece.text = content.text;
  const reasoning = content.reasoning + reasoningOf(message);
  if (reasoning !== '') piece.reasoning = reasoning;
  const refusal = asText(message['refusal']) ?? content.refusal;
  if (refusal) piece.refusal = refusal;
  return piece;
}

/** The first of the fields: servers that know two spellings say the same in both. */
function reasoningOf(message: Json): string {
  for (const name of [
    'reasoning_content',
    'reasoning',
    'thinking',
    'reasoning_text',
    'thinking_content',
    'thought',
  ]) {
    const text = asText(message[name]) ?? asText(asObject(message[name])?.['content']);
    if (text !== undefined) return text;
  }
  const details = message['reasoning_details'] ?? message['thinking_blocks'];
  return Array.isArray(details) ? details.map((detail) => thoughtIn(asObject(detail))).join('') : '';
}

function thoughtIn(part: Json | undefined): string {
  if (!part) return '';
  for (const name of ['thinking', 'text', 'summary', 'reasoning', 'reasoning_content', 'content']) {
    const value = part[name];
    if (typeof value === 'string') return value;
    if (Array.isArray(value)) return value.map((inner) => thoughtIn(asObject(inner))).join('');
  }
  return '';
}

/** A content: a text, or a list of parts. */
function readParts(content: unknown): { text: string; reasoning: string; refusal: string } {
  const read = { text: '', reasoning: '', refusal: '' };
  if (typeof content === 'string') return { ...read, text: content };
  for (const entry of Array.isArray(content) ? content : [content]) {
    if (typeof entry === 'string') read.text += entry;
    const part = asObject(entry);
    if (!part) continue;
    const type = asText(part['type']) ?? '';
    if (/think|reason/.test(type) || part['thought'] === true) read.reasoning += thoughtIn(part);
    else if (type === 'refusal') read.refusal += asText(part['refusal']) ?? '';
    else read.text += asText(part['text']) ?? asText(asObject(part['text'])?.['value']) ?? '';
  }
  return read;
}

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

/** Some servers write out that there is no reason yet. */
const finishOf = (finish: string | undefined): Piece =>
  finish === undefined || /^(?:null|none|undefined|)$/i.test(finish) ? {} : { finish };

/** A whole answer of the Responses API. */
function readOutput(response: Json): Piece {
  const output = Array.isArray(response['output']) ? response['output'].map(asObject) : [];
  const messages = output
    .filter((item) => item?.['type'] === 'message')
    .map((item) => readMessage(item ?? {}));
  const reason = asText(asObject(response['incomplete_details'])?.['reason']);
  return {
    message: messages.map(({ text = '' }) => text).join(''),
    reasoning: output.map((item) => (item?.['type'] === 'reasoning' ? thoughtIn(item) : '')).join(''),
    refusal: messages.map(({ refusal = '' }) => refusal).join(''),
    finish: reason ?? 'stop',
    ...countsOf(response),
  };
}

/** Gemini's candidates, Ollama's lines, TGI, Cloudflare. */
function readOther(chunk: Json): Piece {
  if (chunk['object'] === 'response') return readOutput(chunk);
  const [candidate] = Array.isArray(chunk['candidates']) ? chunk['candidates'].map(asObject) : [];
  if (candidate) {
    const { text, reasoning } = readParts(asObject(candidate['content'])?.['parts']);
    return { text, reasoning, ...finishOf(asText(candidate['finishReason'])) };
  }
  const blocked = asText(asObject(chunk['promptFeedback'])?.['blockReason']);
  if (blocked !== undefined) return { finish: blocked };
  const message = asObject(chunk['message']);
  const token = asObject(chunk['token']);
  const done = chunk['done'] === true ? (asText(chunk['done_reason']) ?? 'stop') : undefined;
  const whole = asText(chunk['generated_text']);
  const finish =
    done ?? asText(asObject(chunk['details'])?.['finish_reason']) ?? asText(chunk['finish_reason']);
  return {
    ...(message && readMessage(message)),
    ...(token && token['special'] !== true && { text: asText(token['text']) ?? '' }),
    ...(!token && asText(chunk['response']) !== undefined && { text: asText(chunk['response']) ?? '' }),
    ...(whole !== undefined && { message: whole, end: true as const }),
    ...finishOf(finish),
  };
}

function countsOf(
  chunk: Json,
): Pick<Piece, 'promptTokens' | 'completionTokens' | 'reasoningTokens'> | undefined {
  const usage =
    asObject(chunk['usage']) ??
    asObject(chunk['usageMetadata']) ??
    asObject(asObject(chunk['x_groq'])?.['usage']) ??
    asObject(asObject(chunk['message'])?.['usage']) ??
    (chunk['eval_count'] !== undefined ? chunk : undefined);
  if (!usage) return undefined;
  const count = (...names: string[]) =>
    names.map((name) => asCount(usage[name])).find((n) => n !== undefined);
  const details = asObject(usage['completion_tokens_details']) ?? asObject(usage['output_tokens_details']);
  const promptTokens = count('prompt_tokens', 'input_tokens', 'promptTokenCount', 'prompt_eval_count');
  const completionTokens = count('completion_tokens', 'output_tokens', 'candidatesTokenCount', 'eval_count');
  const reasoningTokens =
    asCount(details?.['reasoning_tokens']) ?? count('reasoning_tokens', 'thoughtsTokenCount');
  return {
    ...(promptTokens !== undefined && { promptTokens }),
    ...(completionTokens !== undefined && { completionTokens }),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
  };
}
