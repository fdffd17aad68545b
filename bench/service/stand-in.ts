/**
 * Stands in for the two remote services of a reply: a model with OpenAI's chat completions API, which answers
 * at once, and Slack's Web API. For every marker such as `[m42]` it records when prompt and reply arrived.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ANSWER_PREFIX, lastMarker, textsOf, type Lengths, type Texts } from './texts.ts';

/** Milliseconds since 1970 with a fraction, comparable between the processes of one machine. */
export const now = (): number => performance.timeOrigin + performance.now();

export type StandIn = {
  baseUrl: string;
  /** What is said to it, and what it answers. */
  texts: Texts;
  /** How many prompts have arrived. */
  prompts(): number;
  /** When the prompt with this marker arrived; undefined before. */
  promptedAt(marker: string): number | undefined;
  /** Resolves to the time at which the reply with this marker was posted. */
  posted(marker: string): Promise<number>;
  /** Forgets all markers. */
  reset(): void;
  close(): Promise<void>;
};

/** Starts the stand-in on a free loopback port. The model answers at once, or after `modelTakesMs`. */
export async function startStandIn(
  options: { modelTakesMs?: number; lengths?: Lengths } = {},
): Promise<StandIn> {
  const { modelTakesMs = 0, lengths = 'short' } = options;
  const texts = textsOf(lengths);
  let prompts = 0;
  const prompted = new Map<string, number>();
  const posts = new Map<string, PromiseWithResolvers<number>>();
  const postOf = (marker: string): PromiseWithResolvers<number> => {
    const post = posts.get(marker) ?? Promise.withResolvers<number>();
    posts.set(marker, post);
    return post;
  };
  const slack = createSlack((text) => {
    const marker = lastMarker(text);
    if (marker && text.includes(ANSWER_PREFIX)) postOf(marker).resolve(now());
  });
  const server = createServer((req, res) => {
    void (async () => {
      const body = await readBody(req);
      const path = (req.url ?? '').split('?')[0] ?? '';
      if (path.endsWith('/chat/completions')) {
        const asked = JSON.parse(body) as {
          model: string;
          stream?: boolean;
          messages: { content: string }[];
        };
        prompts += 1;
        const text = asked.messages.at(-1)?.content ?? '';
        const marker = lastMarker(text);
        if (marker && !prompted.has(marker)) prompted.set(marker, now());
        if (modelTakesMs > 0) await delay(modelTakesMs);
        answerCompletion(res, asked.model, texts.answerTo(text), asked.stream === true);
      } else if (path.startsWith('/api/')) {
        sendJson(res, slack(path.slice('/api/'.length), slackArguments(req, body)));
      } else {
        sendJson(res, { error: 'not found' }, 404);
      }
    })().catch((error: unknown) => sendJson(res, { error: String(error) }, 500));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    texts,
    prompts: () => prompts,
    promptedAt: (marker) => prompted.get(marker),
    posted: (marker) => postOf(marker).promise,
    reset() {
      prompted.clear();
      posts.clear();
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(res: ServerResponse, body: object, status = 200): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function answerCompletion(res: ServerResponse, model: string, text: string, stream: boolean): void {
  const base = { id: 'bench', created: 0, model };
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  if (!stream) {
    const message = { role: 'assistant', content: text };
    const choices = [{ index: 0, finish_reason: 'stop', message }];
    sendJson(res, { ...base, object: 'chat.completion', choices, usage });
    return;
  }
  const chunk = (delta: object, finish_reason: string | null, more: object = {}): string =>
    `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }], ...more })}\n\n`;
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.end(
    chunk({ role: 'assistant', content: text }, null) + chunk({}, 'stop', { usage }) + 'data: [DONE]\n\n',
  );
}

type SlackArguments = Record<string, unknown>;

/** A request's arguments: Slack accepts JSON and form fields. */
function slackArguments(req: IncomingMessage, body: string): SlackArguments {
  if (req.headers['content-type']?.includes('json')) return JSON.parse(body || '{}') as SlackArguments;
  const query = new URL(req.url ?? '/', 'http://slack').searchParams;
  return Object.fromEntries([...query, ...new URLSearchParams(body)]);
}

/**
 * The part of Slack's Web API that posting a reply needs.
 * `onText` is called with every posted or updated text.
 */
function createSlack(onText: (text: string) => void): (method: string, args: SlackArguments) => object {
  let posts = 0;
  return (method, args) => {
    const ts = typeof args['ts'] === 'string' ? args['ts'] : `1700000000.${String(++posts).padStart(6, '0')}`;
    const text = [args['markdown_text'], args['text'], args['blocks']].map((part) => toText(part)).join('\n');
    if (method.startsWith('chat.')) onText(text);
    const who = {
      user_id: 'UBOT',
      bot_id: 'BBOT',
      team_id: 'T1',
      team: 'Bench',
      url: 'https://bench.slack.test/',
    };
    const message = { type: 'message', bot_id: 'BBOT', user: 'UBOT', ts, text: toText(args['text']) };
    const user = { id: args['user'] ?? 'U1', name: 'bench', profile: { display_name: 'Bench' } };
    return {
      ok: true,
      ts,
      channel: args['channel'],
      message,
      messages: [],
      has_more: false,
      user: method === 'users.info' ? user : 'konstruct',
      ...who,
    };
  };
}

function toText(part: unknown): string {
  return typeof part === 'string' ? part : part === undefined ? '' : JSON.stringify(part);
}
