/** An OpenAI-compatible model that never gives the same answer twice, so that a repeated reply is noticed. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRandom } from './random.ts';

export type StandInLlm = {
  baseUrl: string;
  /** Every request that was answered, in order. */
  asked: Array<{ text: string; answer: string; windowTexts: string[] }>;
  close(): void;
};

/**
 * Starts a model that answers after 20 to 300 ms, and 3 % of the time
 * with a 429 or 503. With `calm` it always answers, after `delayMs`.
 */
export async function startStandInLlm(seed: number, calm?: { delayMs: number }): Promise<StandInLlm> {
  const random = createRandom(seed ^ 0x11a);
  const asked: StandInLlm['asked'] = [];
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += String(chunk);
    const { messages } = JSON.parse(body) as { messages: Array<{ role: string; content: string }> };
    const delayMs = calm?.delayMs ?? random.between(20, 300);
    const draw = calm ? 1 : random.next();
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (draw < 0.03) {
      res.writeHead(draw < 0.01 ? 429 : 503, { 'content-type': 'application/json', 'retry-after': '1' });
      res.end('{"error":{"message":"scripted trouble"}}');
      return;
    }
    const text = messages.at(-1)?.content ?? '';
    const answer = `Answer ${asked.length + 1} to: ${text}`;
    const windowTexts = messages.filter(({ role }) => role !== 'system').map(({ content }) => content);
    asked.push({ text, answer, windowTexts: windowTexts.slice(0, -1) });
    stream(res, answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function stream(res: ServerResponse, text: string): void {
  const send = (delta: object, finishReason: string | null) =>
    res.write(
      `data: ${JSON.stringify({
        id: 'chaos',
        object: 'chat.completion.chunk',
        created: 0,
        model: 'stand-in',
        choices: [{ index: 0, delta, finish_reason: finishReason }],
      })}\n\n`,
    );
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  send({ content: text }, null);
  send({}, 'stop');
  res.end('data: [DONE]\n\n');
}
