/** What is read of a request for a chat completion. */
import { z } from 'zod';
import { check, idField, textField } from '../../intake/fields.ts';
import { isWithin } from '../../lib/json-size.ts';
import { badField, Problem } from '../problems.ts';

/** Whole conversations come with each request; of these bytes the last message alone is read. */
export const MAX_COMPLETION_BODY_BYTES = 2_000_000;
/** Some 6,000 messages of a conversation, each an object with two fields. */
export const MOST_OF_A_COMPLETION = { values: 20_000, nameLength: 500 };
const MOST_OF_A_MESSAGE = { values: 500, nameLength: 500 };

const part = z.looseObject({ type: z.string(), text: z.string().optional() });
const message = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(part)]).nullish(),
});

/** The body. Parameters that aren't here are the agent's to decide, and are left unread. */
export const completionBody = z.object({
  model: textField(200).describe('The agent: its id, or its name where no other has it.'),
  user: idField.describe('Who speaks. One user keeps one memory per agent.'),
  messages: z
    .array(message)
    .min(1)
    .describe(
      'The last one of the role `user` is the message. The others are not read: memory is the agent’s.',
    ),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.literal(1).nullish(),
});

export type CompletionRequest = {
  model: string;
  userId: string;
  text: string;
  isStreamed: boolean;
  withUsage: boolean;
};

/**
 * A body with its messages up to the first that is none: the schema takes a tenth of a millisecond to write
 * one fault down, and would write down thousands.
 */
function upToFirstFault(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('messages' in body)) return body;
  const { messages } = body;
  if (!Array.isArray(messages)) return body;
  const first = messages.findIndex((each: unknown) => {
    if (isWithin(each, MOST_OF_A_MESSAGE)) return !message.safeParse(each).success;
    throw badField({ field: 'messages', problem: 'must be of a few fields each', isTooLarge: false });
  });
  return first === -1 ? body : { ...body, messages: messages.slice(0, first + 1) };
}

/** Reads a body. Throws a Problem that names the field. */
export function readCompletionRequest(body: unknown): CompletionRequest {
  const read = check(completionBody, upToFirstFault(body), 'body', MOST_OF_A_COMPLETION);
  if (read.kind === 'invalid') throw badField(read);
  const { model, user, messages, stream, stream_options: options } = read.value;
  const last = messages.findLastIndex(({ role }) => role === 'user');
  const fault = (field: string, problem: string): Problem => badField({ field, problem, isTooLarge: false });
  if (last === -1) throw fault('messages', 'must have one of the role user');
  return {
    model,
    userId: user,
    text: textOf(messages[last]?.content, (problem) => fault(`messages.${last}.content`, problem)),
    isStreamed: stream === true,
    withUsage: options?.include_usage === true,
  };
}

type Content = z.output<typeof message>['content'];

function textOf(content: Content, fault: (problem: string) => Problem): string {
  if (typeof content === 'string') return content;
  const texts = (content ?? []).map(({ type, text }) => {
    if (type !== 'text' || text === undefined) throw fault('must be text: nothing else can be read');
    return text;
  });
  return texts.join('\n');
}
