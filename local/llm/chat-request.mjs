const DEFAULT_REPLY_TOKENS = 160;
const DEFAULT_TEMPERATURE = 0.2;
const ROLES = ['system', 'developer', 'user', 'assistant'];

/** An invalid request. Its `message` is sent to the client with status 400. */
export class BadRequest extends Error {}

/**
 * Reads the body of an OpenAI chat completion request; fields that this model doesn't support are ignored.
 * @throws BadRequest
 */
export function readChatRequest(text, maxReplyTokens) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new BadRequest('the body is not JSON');
  }
  if (!Array.isArray(body?.messages) || body.messages.length === 0)
    throw new BadRequest('messages is missing or empty');
  const wanted = body.max_completion_tokens ?? body.max_tokens ?? DEFAULT_REPLY_TOKENS;
  if (!Number.isInteger(wanted) || wanted < 1) throw new BadRequest('max_tokens must be a positive integer');
  const temperature = body.temperature ?? DEFAULT_TEMPERATURE;
  if (typeof temperature !== 'number' || !(temperature >= 0))
    throw new BadRequest('temperature must be a number, 0 or more');
  return {
    messages: body.messages.map(readMessage),
    maxTokens: Math.min(wanted, maxReplyTokens),
    temperature,
    stream: body.stream === true,
    includeUsage: body.stream_options?.include_usage === true,
  };
}

function readMessage(message, index) {
  if (!ROLES.includes(message?.role))
    throw new BadRequest(`messages[${index}].role must be one of ${ROLES.join(', ')}`);
  const { content } = message;
  const text = Array.isArray(content) ? content.map((part) => part?.text).join('') : content;
  if (typeof text !== 'string') throw new BadRequest(`messages[${index}].content is not text`);
  return { role: message.role === 'developer' ? 'system' : message.role, content: text };
}
