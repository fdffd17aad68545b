/** An OpenAI-compatible server that records what it is asked and answers by script. */
import type { ServerResponse } from 'node:http';
import type { PromptMessage } from '../../src/domain/conversation.ts';
import { readBody, serve } from './http-server.ts';

/** What the server does with one request: text to stream, or its own handling of the response. */
export type LlmAnswer = string | ((res: ServerResponse) => void | Promise<void>);

export type FakeLlm = {
  baseUrl: string;
  /** The prompts in the order in which they arrived. */
  prompts: PromptMessage[][];
  /** How requests are answered from now on; the default is `noted`. */
  answerWith(answer: (messages: PromptMessage[], nthRequest: number) => LlmAnswer): void;
  close(): Promise<void>;
};

export async function startFakeLlm(): Promise<FakeLlm> {
  const prompts: PromptMessage[][] = [];
  let answer: (messages: PromptMessage[], nthRequest: number) => LlmAnswer = noted;
  const server = await serve(async (req, res) => {
    const { messages } = JSON.parse(await readBody(req)) as { messages: PromptMessage[] };
    prompts.push(messages);
    const given = answer(messages, prompts.length);
    if (typeof given === 'string') streamText(res, given);
    else await given(res);
  });
  return {
    baseUrl: `${server.url}/v1`,
    prompts,
    answerWith: (next) => (answer = next),
    close: () => server.close(),
  };
}

/** The default answer: it shows that this very message was answered. */
export const noted = (messages: PromptMessage[]): string => `Noted: ${messages.at(-1)?.content}`;

/** Streams `text` in two pieces, then usage. */
export function streamText(res: ServerResponse, text: string): void {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  const half = Math.ceil(text.length / 2);
  for (const content of [text.slice(0, half), text.slice(half)]) res.write(chunk({ content }));
  res.write(chunk({}, 'stop'));
  res.write(event({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } }));
  res.end('data: [DONE]\n\n');
}

/** Answers with a status and an error body, as servers do. */
export function fail(status: number, headers: Record<string, string> = {}): (res: ServerResponse) => void {
  return (res) => {
    res.writeHead(status, { 'content-type': 'application/json', ...headers });
    res.end(JSON.stringify({ error: { message: `scripted ${status}` } }));
  };
}

export function chunk(delta: { content?: string }, finishReason: string | null = null): string {
  return event({ choices: [{ index: 0, delta, finish_reason: finishReason }] });
}

function event(fields: object): string {
  const base = { id: 'x', object: 'chat.completion.chunk', created: 0, model: 'scripted' };
  return `data: ${JSON.stringify({ ...base, ...fields })}\n\n`;
}
