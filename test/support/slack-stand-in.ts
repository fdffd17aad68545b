/**
 * Slack's Web API, as npm's `emulate` plays it, behind a proxy that records every call and makes trouble:
 * what the emulator doesn't speak (assistant.threads.setStatus) the proxy answers itself.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createEmulator } from 'emulate';
import { readBody, serve } from './http-server.ts';
import { createSlackExtras, type SlackExtras } from './slack-extras.ts';
import { createSlackOAuth, type SlackOAuth } from './slack-oauth.ts';
import { createSlackStreamed, type SlackStreamed } from './slack-streamed.ts';

export const BOT = { user: 'U0MARA', bot: 'B0MARA', token: 'xoxb-mara' } as const;
export const SIGNING_SECRET = 'a-signing-secret-of-the-tests';
const TOKENS = { ada: 'xoxp-ada', bob: 'xoxp-bob' };

/** What happens to a call instead of, or after, its being carried out. */
export type Fault = {
  /** Whether a call is meant; without it, every call of the method is. */
  when?: (body: Record<string, string>) => boolean;
} & (
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** Slack has done it, and its answer never arrives. `accepted` runs in between. */
  | { kind: 'drop-after-acceptance'; accepted?: () => void }
  /** Slack has done it, and says nothing. */
  | { kind: 'hang-after-acceptance' }
  | { kind: 'slow'; ms: number }
  /** Slack says no: nothing was done. */
  | { kind: 'refuse'; error: string }
);

export type Call = {
  method: string;
  body: Record<string, string>;
  at: number;
  status: number;
  /** By which token. */
  token: string;
};
export type Message = { ts: string; user: string; text: string; thread_ts?: string; blocks?: unknown };

export type SlackFile = { id: string; name: string } & Record<string, unknown>;

export type SlackStandIn = SlackExtras &
  SlackStreamed & {
    apiUrl: string;
    team: string;
    people: { ada: string; bob: string };
    /** Other workspaces, which share channels and people with the first one. */
    oauth: SlackOAuth;
    /** A public channel, and a direct conversation of ada with the bot. */
    places: { channel: string; direct: string };
    calls: Call[];
    /** Calls of one method, those that a fault answered included. */
    callsOf(method: string): Call[];
    /** The next calls of a method meet these faults, one each. */
    fail(method: string, ...faults: Fault[]): void;
    /** From now on `conversations.replies` and `.history` are answered this seldom, with 15 messages. */
    limitLooks(limit: { everyMs: number }): void;
    /** Faults that no call has met, and limits, are forgotten. */
    heal(): void;
    /** Somebody's message in a conversation, with the `ts` that Slack gives it. */
    say(channel: string, text: string, threadTs?: string, person?: 'ada' | 'bob'): Promise<string>;
    /**
     * Puts a file into Slack: what events and `files.info` say of it. It is given to the bot's token alone.
     */
    keepFile(file: { name: string; mimetype: string; pretty_type: string; content: string }): SlackFile;
    /** The bot's messages in a thread, oldest first, as they read now. */
    answers(channel: string, threadTs: string): Promise<Message[]>;
    /** Deletes a message of the bot. */
    remove(channel: string, ts: string): Promise<void>;
    close(): Promise<void>;
  };

/** `adasName` is ada's display name. */
export async function startSlackStandIn({ adasName = 'ada' } = {}): Promise<SlackStandIn> {
  const users = [
    { name: 'ada', real_name: 'Ada Lovelace', profile: { display_name: adasName } },
    { name: 'bob', real_name: 'Bob' },
  ];
  const emulator = await createEmulator({ service: 'slack', port: 0, seed: { slack: { ...SEED, users } } });
  const faults = new Map<string, Fault[]>();
  const { oauth, answer: answerAsSlack, isOurs } = createSlackOAuth();
  const calls: Call[] = [];
  const files = new Map<string, { file: SlackFile; content: string }>();
  let looksEveryMs = 0;
  const { extras, answer: answerExtra, takeUpload } = createSlackExtras(() => server.url);
  let lookedAt = 0;
  const { streamed, answer: answerStream } = createSlackStreamed((method, body) => ask(method, body));

  const server = await serve(async (req, res) => {
    const method = (req.url ?? '').split('?')[0]?.replace(/^\/api\//, '') ?? '';
    const raw = await readBody(req);
    const call: Call = {
      method,
      body: Object.fromEntries(new URLSearchParams(raw)),
      at: Date.now(),
      status: 200,
      token: (req.headers.authorization ?? '').replace(/^Bearer /, ''),
    };
    calls.push(call);
    const fault = takeFault(method, call.body);
    if (fault?.kind === 'status') {
      call.status = fault.status;
      res.writeHead(fault.status, fault.headers).end();
      return;
    }
    const isLook = /^conversations\.(?:replies|history)$/.test(method);
    const waitMs = isLook ? lookedAt + looksEveryMs - Date.now() : 0;
    if (waitMs > 0) {
      call.status = 429;
      res.writeHead(429, { 'retry-after': String(Math.ceil(waitMs / 1000)) }).end();
      return;
    }
    if (isLook) lookedAt = Date.now();
    const kept = files.get(/^\/files-pri\/([^/]+)/.exec(method)?.[1] ?? '');
    if (kept) {
      const isBot = req.headers.authorization === `Bearer ${BOT.token}`;
      res.writeHead(200, { 'content-type': isBot ? 'text/plain' : 'text/html' });
      res.end(isBot ? kept.content : '<html>Sign in</html>');
      return;
    }
    if (fault?.kind === 'refuse') {
      send(res, JSON.stringify({ ok: false, error: fault.error }));
      return;
    }
    if (takeUpload(method, raw)) {
      res.end('OK');
      return;
    }
    const known =
      answerAsSlack(method, call.body, call.token) ??
      answerExtra(method, call.body) ??
      (await answerStream(method, call.body));
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const forwarded = () => forward(req, raw);
    // Slack says which app a message is of; the emulator leaves it out.
    const withBot = (answer: string) =>
      answer.replaceAll(`"user":"${BOT.user}"`, `"user":"${BOT.user}","bot_id":"${BOT.bot}"`);
    const isThread = method === 'conversations.replies';
    const looked = async () =>
      withBot(isThread ? pageOf(await forwarded(), call.body, looksEveryMs > 0) : await forwarded());
    const answer = known ? JSON.stringify(known) : isLook ? await looked() : await forwarded();
    if (fault?.kind === 'drop-after-acceptance') {
      call.status = 0;
      fault.accepted?.();
      res.destroy();
      return;
    }
    if (fault?.kind === 'hang-after-acceptance') return;
    send(res, answer);
  });

  function takeFault(method: string, body: Record<string, string>): Fault | undefined {
    const waiting = faults.get(method) ?? [];
    const at = waiting.findIndex(({ when }) => when?.(body) ?? true);
    return at < 0 ? undefined : waiting.splice(at, 1)[0];
  }
  async function forward(req: IncomingMessage, raw: string): Promise<string> {
    const given = (req.headers.authorization ?? '').replace(/^Bearer /, '');
    const known = files.get(new URLSearchParams(raw).get('file') ?? '')?.file;
    if (req.url === '/api/files.info' && known) return JSON.stringify({ ok: true, file: known });
    const headers = {
      authorization: isOurs(given) ? `Bearer ${BOT.token}` : (req.headers.authorization ?? ''),
      'content-type': req.headers['content-type'] ?? '',
    };
    return (await fetch(`${emulator.url}${req.url ?? ''}`, { method: 'POST', headers, body: raw })).text();
  }
  const ask = async <T>(method: string, body: object, token: string = BOT.token): Promise<T> => {
    const response = await fetch(`${emulator.url}/api/${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { ok: boolean; error?: string };
    if (!answer.ok) throw new Error(`emulate: ${method}: ${answer.error}`);
    return answer as T;
  };

  const { members } = await ask<{ members: Array<{ id: string; name: string }> }>('users.list', {});
  const idOf = (name: string) => members.find((user) => user.name === name)?.id ?? '';
  const { channels } = await ask<{ channels: Array<{ id: string; name: string }> }>('conversations.list', {});
  const opened = await ask<{ channel: { id: string } }>('conversations.open', { users: idOf('ada') });

  return {
    apiUrl: server.url,
    team: 'T000000001',
    ...extras,
    ...streamed,
    oauth,
    people: { ada: idOf('ada'), bob: idOf('bob') },
    places: { channel: channels.find(({ name }) => name === 'general')?.id ?? '', direct: opened.channel.id },
    calls,
    callsOf: (method) => calls.filter((call) => call.method === method),
    fail: (method, ...more) => void faults.set(method, [...(faults.get(method) ?? []), ...more]),
    limitLooks({ everyMs }) {
      looksEveryMs = everyMs;
      lookedAt = 0;
    },
    heal: () => {
      faults.clear();
      looksEveryMs = 0;
    },
    keepFile({ content, ...about }) {
      const id = `F${files.size + 1}`;
      const url = `${server.url}/files-pri/${id}/download`;
      const more = { mode: 'hosted', size: content.length, user: idOf('ada'), url_private_download: url };
      const file = { id, ...more, ...about };
      files.set(id, { file, content });
      return file;
    },
    async say(channel, text, threadTs, person = 'ada') {
      const body = { channel, text, ...(threadTs && { thread_ts: threadTs }) };
      return (await ask<{ ts: string }>('chat.postMessage', body, TOKENS[person])).ts;
    },
    async answers(channel, threadTs) {
      const body = { channel, ts: threadTs };
      const { messages } = await ask<{ messages: Message[] }>('conversations.replies', body);
      return messages.filter(({ user }) => user === BOT.user);
    },
    remove: (channel, ts) => ask('chat.delete', { channel, ts }),
    async close() {
      await server.close();
      await emulator.close();
    },
  };
}

const SEED = {
  team: { name: 'Acme' },
  oauth_apps: [
    {
      app_id: 'A1',
      client_id: 'client',
      client_secret: 'secret',
      name: 'Mara',
      redirect_uris: [],
      bot_id: BOT.bot,
      bot_user_id: BOT.user,
      bot_name: 'mara',
    },
  ],
  tokens: [
    { token: BOT.token, type: 'bot', user_id: BOT.user, bot_id: BOT.bot, bot_user_id: BOT.user },
    { token: TOKENS.ada, user: 'ada' },
    { token: TOKENS.bob, user: 'bob' },
  ],
};

/**
 * The page of a thread that was asked for, the oldest message first, and the first of the thread with each:
 * the emulator gives all of it. Some apps get 15 messages, whatever they ask for.
 */
function pageOf(answer: string, asked: Record<string, string>, isLimited: boolean): string {
  const all = JSON.parse(answer) as { ok: boolean; messages?: Array<{ ts: string }> };
  if (!all.ok) return answer;
  const { oldest = '0', latest = '9999999999', cursor = '0', limit = '999' } = asked;
  const within = ({ ts }: { ts: string }) => Number(ts) > Number(oldest) && Number(ts) < Number(latest);
  const [first, ...rest] = all.messages ?? [];
  const found = [...(first ? [first] : []), ...rest.filter(within)];
  const end = Number(cursor) + (isLimited ? Math.min(15, Number(limit)) : Number(limit));
  const hasMore = end < found.length;
  return JSON.stringify({
    ...all,
    messages: found.slice(Number(cursor), end),
    has_more: hasMore,
    response_metadata: { next_cursor: hasMore ? String(end) : '' },
  });
}

function send(res: ServerResponse, json: string): void {
  if (!res.destroyed) res.writeHead(200, { 'content-type': 'application/json' }).end(json);
}
