/** What a hostile tenant can do to all others, over HTTP, through Slack, by its model and as a stranger. */
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliCompressSync } from 'node:zlib';
import type { ServerResponse } from 'node:http';
import { buildConsole } from '../../local/console.ts';
import { encodeEmbedding } from '../../src/memory/embedding/embedding-codec.ts';
import type { Answer } from './api-client.ts';
import { eventually } from './eventually.ts';
import { fail, noted, streamText, chunk, type LlmAnswer } from './fake-llm.ts';
import type { SlackProcesses } from './processes.ts';
import { askRudely, resetAfter, type Asked, type Manner } from './rude-readers.ts';
import { talk } from './slack-talk.ts';
import { fileOf, sendImport } from './transfer.ts';

/** What is asked of a hostile tenant's model is answered so; the key is a word of the message. */
type Model = Map<string, LlmAnswer>;

/** The hostile tenant is the one that the processes were set up with: it has the Slack. */
export type Hostile = {
  processes: SlackProcesses;
  model: Model;
  /** Sends each text as a user whom nobody has seen before. */
  sendAs(texts: readonly string[], headers?: Record<string, string>): Promise<Answer[]>;
  /** An event of Slack with this text, mentioned by ada. */
  mention(text: string): Promise<Response>;
  /** Answers what the model keeps waiting, and closes what is open. */
  letGo(): void;
  /** A model's answer that doesn't come before `letGo`. */
  silence: LlmAnswer;
  /** One that comes a letter a second until `letGo`. */
  drip: LlmAnswer;
  onLetGo(act: () => void): void;
};

export function hostileTenant(processes: SlackProcesses): Hostile {
  const model: Model = new Map();
  let invented = 0;
  const endings: Array<() => void> = [];
  const held: ServerResponse[] = [];
  const ada = talk(processes);

  processes.llm.answerWith((messages) => {
    const text = messages.at(-1)?.content ?? '';
    const word = [...model.keys()].find((known) => text.includes(known));
    return (word !== undefined && model.get(word)) || noted(messages).slice(0, 200);
  });
  return {
    processes,
    model,
    sendAs: (texts, headers) =>
      Promise.all(texts.map((text) => processes.postMessage(`invented-${(invented += 1)}`, text, headers))),
    async mention(text) {
      const { event } = await ada.mention('…');
      return processes.send({ ...event, text: `<@U0MARA> ${text}` });
    },
    silence: (res) => void held.push(res),
    drip(res) {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const drops = setInterval(() => res.write(chunk({ content: 'a' })), 1_000);
      const end = () => {
        clearInterval(drops);
        if (res.destroyed) return;
        res.write(chunk({}, 'stop'));
        res.end('data: [DONE]\n\n');
      };
      endings.push(end);
      res.once('close', () => clearInterval(drops));
    },
    onLetGo: (act) => void endings.push(act),
    letGo() {
      for (const word of model.keys()) model.set(word, 'At last.');
      for (const res of held.splice(0)) if (!res.destroyed) streamText(res, 'At last.');
      for (const end of endings.splice(0)) end();
    },
  };
}

/** An attack; resolves when all of it is sent. What it leaves waiting ends with `letGo`. */
type Attack = (hostile: Hostile) => Promise<unknown>;

const filled = (piece: string) => piece.repeat(Math.floor(32_000 / piece.length));
const times = <T>(n: number, one: T): T[] => Array.from({ length: n }, () => one);

/** Many long messages, each of another user. */
const manyTexts =
  (n: number, piece: string): Attack =>
  ({ sendAs }) =>
    sendAs(times(n, filled(piece)));

/** A window of long messages: the conversation goes on after it. */
const longWindow =
  (n: number, piece: string): Attack =>
  async ({ processes }) => {
    const user = { userId: `window of ${encodeURIComponent(piece)}` };
    for (let i = 0; i < n; i += 1) await processes.postMessage(user.userId, filled(piece));
    const { status } = await processes.say('Is anybody still there?', user);
    if (status !== 200) throw new Error(`the conversation is dead: ${status}`);
  };

/** Messages whose answers take their time, and a few through Slack. */
const slowModel =
  (n: number, word: string, answer: (hostile: Hostile) => LlmAnswer): Attack =>
  async (hostile) => {
    hostile.model.set(word, answer(hostile));
    await hostile.sendAs(times(n, `${word} please`));
    await hostile.mention(word);
  };

/** Replies that stumble over themselves on their way to Slack. */
const poison =
  (word: string, reply: string): Attack =>
  async ({ model, mention }) => {
    model.set(word, reply);
    for (let i = 0; i < 3; i += 1) await mention(`${word} ${i}`);
  };

/** The same words in several events at once. */
const slackTexts =
  (n: number, text: string): Attack =>
  ({ mention }) =>
    Promise.all(times(n, text).map(mention));

const manyRequests =
  (n: number, path: string, init: () => RequestInit): Attack =>
  async ({ processes: { baseUrl } }) => {
    for (let sent = 0; sent < n; sent += 50)
      await Promise.all(
        times(50, path).map((at) =>
          fetch(baseUrl + at, init())
            .then((answer) => answer.arrayBuffer())
            // Whoever sends what isn't read may find the connection closed.
            .catch(() => undefined),
        ),
      );
  };

/** Requests that begin and don't go on. */
const unfinished =
  (n: number, head: string): Attack =>
  async ({ processes, onLetGo }) => {
    const { hostname, port } = new URL(processes.baseUrl);
    const sockets = times(n, undefined).map(() => connect(Number(port), hostname));
    onLetGo(() => sockets.forEach((socket) => socket.destroy()));
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.write(head.replace('KEY', processes.apiKey).replace('AGENT', processes.agent.id));
    }
  };

/** Connections that send so much in one piece, and read nothing of what they are answered. */
const inOnePiece =
  (n: number, piece: (processes: SlackProcesses) => Promise<string> | string): Attack =>
  async ({ processes, onLetGo }) => {
    const { hostname, port } = new URL(processes.baseUrl);
    const sent = await piece(processes);
    const sockets = times(n, undefined).map(() => connect(Number(port), hostname));
    onLetGo(() => sockets.forEach((socket) => socket.destroy()));
    const send = async (socket: Socket): Promise<void> => {
      socket.on('error', () => undefined).pause();
      // Many are closed before all of it is written.
      await new Promise((resolve) => socket.once('close', resolve).write(sent, resolve));
    };
    await Promise.all(sockets.map(send));
  };

const getting = (path: string, { apiKey }: SlackProcesses): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${apiKey}\r\n\r\n`;

/** The largest thing that a stranger can ask for. */
async function scriptOfConsole(processes: SlackProcesses): Promise<string> {
  await buildConsole();
  const page = await (await fetch(`${processes.baseUrl}/console/`)).text();
  const script = /src="(\/console\/assets\/[^"]+)"/.exec(page)?.[1];
  if (script === undefined) throw new Error('the console has no script');
  return script;
}

/** An agent that is long to say, asked for over and over, and nobody listens. */
const longAgent: Attack = async (hostile) => {
  const { processes } = hostile;
  const path = `/v1/agents/${processes.agent.id}`;
  // What was asked for before it counts too: a change has to wait for its turn.
  const say = (systemPrompt: string) =>
    eventually(async () => (await processes.request('PATCH', path, { systemPrompt })).status === 200, {
      timeoutMs: 30_000,
      what: 'a change of the agent',
    });
  await say(filled('\u0001'));
  await inOnePiece(200, (of) => getting(path, of).repeat(5))(hostile);
  hostile.letGo();
  // Nobody has read them, and yet there is room for more.
  await eventually(async () => (await processes.request('GET', path)).status === 200);
  await say('');
};

/** One path in many spellings, and methods that it hasn't: no series of metrics may come of it. */
const spellings: Attack = async ({ processes: { baseUrl } }) => {
  const spelt = (bits: number): string =>
    [...'/console/session'].map((letter, i) => ((bits >> i) % 2 ? letter.toUpperCase() : letter)).join('');
  for (let bits = 0; bits < 2_000; bits += 50)
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) =>
        (await fetch(baseUrl + spelt(37 * (bits + i)))).arrayBuffer(),
      ),
    );
  const metrics = await (await fetch(`${baseUrl}/metrics`)).text();
  const series = metrics.match(/^konstruct_http_request_duration_seconds_count/gm)?.length ?? 0;
  if (series > 200) throw new Error(`there are ${series} series`);
};

const retries: Attack = async ({ model, processes: { request, postMessage } }) => {
  model.set('refuse', fail(400));
  const { body } = await postMessage('retries', 'refuse this', { prefer: 'wait=60' });
  for (let i = 0; i < 4; i += 1)
    await Promise.all(
      times(10, `/v1/messages/${String(body['messageId'])}/retry`).map((path) => request('POST', path)),
    );
};

const manyAgents: Attack = async ({ processes: { request } }) => {
  const agent = { name: 'Many', persona: 'p'.repeat(8_000), systemPrompt: 's'.repeat(31_000) };
  for (let i = 0; i < 12; i += 1)
    await Promise.all(times(10, agent).map((one) => request('POST', '/v1/agents', one)));
  await Promise.all(times(60, '/v1/agents?limit=200').map((path) => request('GET', path)));
};

const waiting: Attack = async ({ model, silence, sendAs }) => {
  model.set('wait for it', silence);
  // Those that may wait are answered at the end; nobody here waits for them.
  void sendAs(times(400, 'wait for it'), { prefer: 'wait=120' }).catch(() => undefined);
};

/** Replies that grow and don't end, each with a reader of its events. */
const followed = (n: number): Attack => {
  const accept = 'text/event-stream';
  return async ({ model, drip, sendAs }) => {
    model.set('follow', drip);
    void sendAs(times(n, 'follow me'), { accept }).catch(() => undefined);
  };
};

/** What somebody may read of the API, in every way there is; each message is of another user. */
function readings(agentId: string): Array<(nth: number) => Asked[]> {
  const ofUser = `/v1/agents/${agentId}/users/reader/memory`;
  const message = (nth: number) => ({ userId: `reader ${nth}`, text: 'read on' });
  const list: Asked = { method: 'GET', path: ofUser };
  const exported: Asked = { method: 'GET', path: `${ofUser}/export` };
  const send = (nth: number, headers: Record<string, string>): Asked => ({
    ...{ method: 'POST', path: `/v1/agents/${agentId}/messages`, headers, body: message(nth) },
  });
  const stream = (nth: number) => send(nth, { accept: 'text/event-stream' });
  const completion = (nth: number): Asked => {
    const messages = [{ role: 'user', content: 'read on' }];
    const body = { model: agentId, user: `reader ${nth}`, stream: true, messages };
    return { method: 'POST', path: '/v1/chat/completions', body };
  };
  const tool = (name: string, more = {}): Asked => {
    const params = { name, arguments: { agentId, userId: 'reader', ...more } };
    const headers = { accept: 'application/json, text/event-stream' };
    return {
      method: 'POST',
      path: '/mcp',
      headers,
      body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
    };
  };
  return [
    (nth) => [stream(nth)],
    (nth) => [completion(nth)],
    (nth) => [send(nth, { prefer: 'wait=60' })],
    () => [list, list],
    () => [exported],
    () => [tool('list_memories')],
    () => [tool('search_memory', { query: 'w' })],
    (nth) => [stream(nth), list, exported, tool('list_memories')],
  ];
}

/** A memory that is much to read, without the work of embedding it. */
async function fillMemory({ database, tenantId, agent }: SlackProcesses): Promise<void> {
  const known = [tenantId, agent.id, 'reader'];
  await database.admin.query(
    `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, exchange_id, role, content, embedding)
     SELECT $1, $2, $3, gen_random_uuid(), 'assistant', repeat('x', 30000), $4 FROM generate_series(1, 200)
     WHERE NOT EXISTS (SELECT FROM conversation_embeddings
                       WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3)`,
    [...known, `[1${',0'.repeat(383)}]`],
  );
}

/** Many who read in all ways at once, and go at any moment, or stay and don't read. */
const readers =
  (n: number, manner: Manner): Attack =>
  async ({ processes, model, drip, onLetGo }) => {
    model.set('read on', drip);
    await fillMemory(processes);
    const ways = readings(processes.agent.id);
    const read = async (nth: number): Promise<void> => {
      const socket = askRudely(processes, ways[nth % ways.length]?.(nth) ?? [], manner);
      if (manner === 'resets') await resetAfter(socket, Math.random() * 300);
      else onLetGo(() => socket.destroy());
    };
    for (let nth = 0; nth < n; nth += 20)
      await Promise.all(Array.from({ length: 20 }, (_, i) => read(nth + i)));
    if (manner !== 'resets') return;
    // What was taken for them is there again.
    const places = async () => {
      const memory = `/v1/agents/${processes.agent.id}/users/reader/memory`;
      const answers = await Promise.all(times(20, memory).map((path) => processes.request('GET', path)));
      return answers.every(({ status }) => status === 200);
    };
    await eventually(places, { timeoutMs: 60_000, what: 'the places of readers who are gone' });
  };

/** Bodies that are long to parse, from several connections all the time. */
const heavyBodies =
  (n: number, path: string, body: string | Uint8Array<ArrayBuffer>, more?: Record<string, string>): Attack =>
  async ({ processes: { baseUrl, apiKey, agent } }) => {
    const headers = {
      ...{ authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      accept: 'application/json, text/event-stream',
      ...more,
    };
    const url = baseUrl + path.replace('AGENT', agent.id);
    const send = async (): Promise<void> => {
      for (let i = 0; i < n / 8; i += 1) {
        const answer = await fetch(url, { method: 'POST', headers, body });
        await answer.arrayBuffer();
      }
    };
    await Promise.all(times(8, send).map((one) => one()));
  };

/** Long questions, four a second, each of another user, for as long as the attack goes on. */
const endlessQuestions =
  (piece: string): Attack =>
  async ({ sendAs, onLetGo }) => {
    const ask = () => void sendAs([piece.repeat(4_000 / piece.length)]).catch(() => undefined);
    const asking = setInterval(ask, 250);
    onLetGo(() => clearInterval(asking));
    await delay(5_000);
  };

/** A memory of so many messages, each with its embedding. */
function memoryFile({ tenantId, agent }: SlackProcesses, userId: string, count: number): string {
  const embedding = Float32Array.from({ length: 384 }, (_, i) => (i === 0 ? 1 : 0));
  const exchange = (nth: number) => ({
    type: 'exchange',
    id: randomUUID(),
    messages: [
      {
        role: 'assistant',
        at: new Date(Date.UTC(2026, 0) + nth * 1_000).toISOString(),
        text: `The ferry of day ${nth} is late.`,
        embedding: encodeEmbedding(embedding),
      },
    ],
  });
  const exportedAt = new Date().toISOString();
  return fileOf([
    {
      ...{ type: 'header', format: 'konstruct-memory', version: 1, model: 'all-MiniLM-L6-v2', exportedAt },
      ...{ tenantId, agentId: agent.id, userId },
    },
    ...Array.from({ length: count }, (_, nth) => exchange(nth)),
    { type: 'end', exchanges: count, windowMessages: 0, nextCursor: null },
  ]);
}

/** Memories that cost the model nothing, as many at once as are let in; `forget` has each forgotten again. */
const endlessImports =
  ({ forget }: { forget: boolean }): Attack =>
  async ({ processes, onLetGo }) => {
    const { baseUrl, apiKey, agent } = processes;
    const letGo = new AbortController();
    onLetGo(() => letGo.abort());
    const taken = { imports: 0 };
    const bring = async (userId: string): Promise<void> => {
      while (!letGo.signal.aborted) {
        const file = memoryFile(processes, userId, 500);
        const { status } = await sendImport({ baseUrl }, { apiKey, agentId: agent.id }, userId, file);
        if (status === 202) taken.imports += 1;
        const ofUser = `/v1/agents/${agent.id}/users/${userId}/memory`;
        if (forget) await processes.request('DELETE', ofUser);
        await delay(1_000);
      }
    };
    for (const nth of [1, 2, 3, 4]) void bring(`brought ${nth} ${String(forget)}`.replaceAll(' ', '-'));
    // Those of another such attack come first.
    await eventually(() => taken.imports >= 2, { timeoutMs: 90_000, what: 'the second import' });
    await delay(5_000);
  };

const nested = (bytes: number): string => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2);

const bearers = () => ({
  headers: { authorization: `Bearer konstruct_${crypto.randomUUID()}${crypto.randomUUID()}` },
});

/** By the attack that was found first, two more of its kind behind each. */
export const ATTACKS: ReadonlyArray<[what: string, attack: Attack]> = [
  ['texts that the tokenizer finds long: Hangul', manyTexts(16, `${'각'.repeat(33)} `)],
  ['… marks upon one letter', manyTexts(4, '\u0301\u0323')],
  ['… control characters', manyTexts(4, '\u0001\u0085')],
  ['texts of many passages: ideographs', manyTexts(6, '漢字仮名交文')],
  ['… base64', manyTexts(8, 'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo')],
  ['… sentences of one letter', manyTexts(2, 'a. b! ')],
  ['Slack messages that patterns stumble over: spaces', slackTexts(8, `a${' '.repeat(39_000)}b`)],
  ['… mentions that don’t close', slackTexts(3, '<@U'.repeat(13_000))],
  ['… marks of code', slackTexts(3, '```'.repeat(13_000))],
  ['questions that don’t end: ideographs', endlessQuestions('漢字仮名交文')],
  ['… of marks upon letters', endlessQuestions('\u0301\u0323')],
  ['… imports instead, with their embeddings', endlessImports({ forget: false })],
  ['… imports that are forgotten', endlessImports({ forget: true })],
  ['a window beyond what a turn may carry: control characters', longWindow(12, '\u0001')],
  ['… letters of three bytes', longWindow(10, 'ก')],
  ['… emoji', longWindow(10, '🐕')],
  ['a model that is silent', slowModel(200, 'hang', ({ silence }) => silence)],
  ['… that drips', slowModel(60, 'drip', ({ drip }) => drip)],
  ['… that drips, with a reader of each reply', followed(190)],
  ['… that is always overloaded', slowModel(60, 'overload', () => fail(503))],
  ['replies that are hard to lay out: quotations', poison('quotations', '>'.repeat(3_000))],
  ['… a table that is none', poison('table', `a|b\n${' '.repeat(90_000)}|x`)],
  ['… lists in lists', poison('lists', '- '.repeat(20_000))],
  ['numbers without end: retries', retries],
  ['… agents, and lists of them', manyAgents],
  ['… requests that wait', waiting],
  ['… answers that nobody takes', longAgent],
  ['readers who go at any moment', readers(400, 'resets')],
  ['… who take nothing', readers(60, 'takes nothing')],
  ['… who close their half of the connection', readers(60, 'closes its half')],
  ['bodies that are long to parse: brackets', heavyBodies(160, '/v1/chat/completions', nested(1_990_000))],
  ['… as a message', heavyBodies(400, '/v1/agents/AGENT/messages', nested(390_000))],
  [
    '… fields, as a call of a tool',
    heavyBodies(400, '/mcp', `{${Array.from({ length: 40_000 }, (_, i) => `"${i}":0`).join(',')}}`),
  ],
  [
    '… that grow when they are unpacked',
    heavyBodies(400, '/v1/chat/completions', new Uint8Array(brotliCompressSync(nested(1_990_000))), {
      'content-encoding': 'br',
    }),
  ],
  ['strangers: readiness and wrong keys', manyRequests(1_000, '/readyz', bearers)],
  ['… wrong keys', manyRequests(1_000, '/v1/agents', bearers)],
  ['… requests in one piece', inOnePiece(100, (of) => getting('/openapi.json', of).repeat(600))],
  [
    '… scripts that nobody reads',
    inOnePiece(60, async (of) => getting(await scriptOfConsole(of), of).repeat(5)),
  ],
  ['… paths in every spelling', spellings],
  [
    '… bodies that nobody signed',
    manyRequests(100, '/slack/events', () => ({ method: 'POST', body: 'x'.repeat(1_000_000) })),
  ],
  ['… headers that don’t end', unfinished(300, 'GET /readyz HTTP/1.1\r\nHost: x\r\nX-Long: ')],
  [
    '… bodies that don’t end',
    unfinished(
      300,
      'POST /v1/agents/AGENT/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer KEY\r\n' +
        'Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"userId": "',
    ),
  ],
];
