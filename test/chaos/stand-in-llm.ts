/** An OpenAI-compatible model that never says the same thing twice, so that a doubled reply shows. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRandom } from './random.ts';

export type StandInLlm = {
  baseUrl: string;
  /** Every answer that was begun: how often a message was asked, and in which order. */
  asked: Array<{ text: string; answer: string; windowTexts: string[] }>;
  close(): void;
};

/** Answers within 20 to 300 ms, and now and then with a 503 or a 429, as models do; a calm one always, and after `delayMs`. */
export async function startStandInLlm(seed: number, calm?: { delayMs: number }): Promise<StandInLlm> {
  const random = createRandom(seed ^ 0x11a);
  const asked: StandInLlm['asked'] = [];
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += String(chunk);
    const { messages } = JSON.parse(body) as { messages: Array<{ role: string; content: string }> };
    const delayMs = calm?.delayMs ?? random.between(20, 300);
    const trouble = calm ? 1 : random.next();
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (trouble < 0.03) {
      res.writeHead(trouble < 0.01 ? 429 : 503, { 'content-type': 'application/json', 'retry-after': '1' });
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
