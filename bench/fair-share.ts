/**
 * `npm run fair-share [-- --seconds 30 --llm-ms 300 --times 50 --every-ms 1000 --flood messages]`: measures
 * how long a quiet tenant waits for its replies on an idle system, and while another tenant asks for many
 * times as much: it sends messages, or with `--flood` long-messages, or dense-messages, which take the model
 * longest for their length; or it searches, lists or exports a memory of 60 long messages, or has users
 * forgotten, who have written (erasures) or have not (empty-erasures).
 * Prints one line of JSON. The exit code is 1 when the p95 more than doubles.
 */
import { percentile } from './percentile.ts';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createAgent } from '../src/db/agents.ts';
import { createPool } from '../src/db/pool.ts';
import { inTenant } from '../src/db/tenant-transaction.ts';
import { createTenant } from '../src/db/tenants.ts';
import { startKonstruct, type Konstruct } from './service/konstruct.ts';
import { startStandIn } from './service/stand-in.ts';
import { runUntilStopped } from '../local/stack/run-until-stopped.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    'llm-ms': { type: 'string', default: '300' },
    times: { type: 'string', default: '50' },
    'every-ms': { type: 'string', default: '1000' },
    flood: { type: 'string', default: 'messages' },
  },
});
const lengthMs = Number(values.seconds) * 1_000;
const times = Number(values.times);
/** The user whose memory is read in a flood. */
const READER = 'loud-reader';
const floodOf = toFlood(values.flood);
/** Interval between the quiet tenant's messages. */
const quietEveryMs = Number(values['every-ms']);

await runUntilStopped(
  async (onHandle) => {
    const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-fair-'));
    const standIn = await startStandIn({ modelTakesMs: Number(values['llm-ms']) });
    const { env } = process;
    const konstruct = await startKonstruct({ home, standIn, channel: 'http', env, onHandle });
    const { baseUrl } = konstruct.demo;
    const [quiet, loud] = [konstruct.demo, await createSender(konstruct)];
    await measure(baseUrl, quiet, 5 * quietEveryMs);
    if (['searches', 'lists', 'exports'].includes(values.flood)) await fillMemory(baseUrl, loud);
    const idle = await measure(baseUrl, quiet, lengthMs);
    const stop = new AbortController();
    const flooding = flood(baseUrl, loud, stop.signal);
    await delay(2_000);
    const flooded = await measure(baseUrl, quiet, lengthMs);
    stop.abort();
    const sent = await flooding;
    const ratio = percentile(flooded, 0.95) / percentile(idle, 0.95);
    const result = {
      llmMs: Number(values['llm-ms']),
      quietEveryMs,
      flood: values.flood,
      idle: summary(idle),
      flooded: summary(flooded),
      ratioP95: Math.round(ratio * 100) / 100,
      floodAccepted: sent.accepted,
      floodRefused: sent.refused,
      modelAsked: standIn.prompts(),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    await konstruct.stop();
    await standIn.close();
    await rm(home, { recursive: true, force: true });
    process.exit(ratio <= 2 ? 0 : 1);
  },
  { stopIsSuccess: false },
);

/** As whom messages come, and for which agent. */
type Sender = { agentId: string; apiKey: string };

/** Another tenant besides the demo tenant, with an agent of its own. */
async function createSender({ databaseUrl, operatorDatabaseUrl }: Konstruct): Promise<Sender> {
  const open = (url: string) => createPool({ databaseUrl: url, max: 1, statementTimeoutMs: 10_000 });
  const [pool, operator] = [open(databaseUrl), open(operatorDatabaseUrl)];
  const { tenantId, key } = await createTenant(operator, 'Loud');
  const agent = await inTenant(pool, tenantId, (client) =>
    createAgent(client, tenantId, randomUUID(), { name: 'Mara' }),
  );
  await Promise.all([pool.end(), operator.end()]);
  return { agentId: agent.id, apiKey: key.apiKey };
}

/** Latencies in ms of the quiet tenant's messages, in order. Each has its own user: none waits for others. */
async function measure(baseUrl: string, scope: Sender, forMs: number): Promise<number[]> {
  const latencies: Array<Promise<number>> = [];
  for (let sent = 0; sent * quietEveryMs < forMs; sent += 1) {
    const started = performance.now();
    const reply = post(baseUrl, scope, `quiet-${sent}`, { prefer: 'wait=60' });
    latencies.push(
      reply.then((status) => (status === 200 ? performance.now() - started : Number.POSITIVE_INFINITY)),
    );
    await delay(quietEveryMs);
  }
  return Promise.all(latencies);
}

/** What the other tenant does with its nth request; resolves to the answer's status. */
type Ask = (baseUrl: string, scope: Sender, nth: number) => Promise<number>;

function toFlood(kind: string): Ask {
  const read =
    (path: string, body?: object): Ask =>
    (baseUrl, scope) =>
      ask(scope, `${baseUrl}/v1/agents/${scope.agentId}/users/${READER}/memory${path}`, body);
  const floods: Record<string, Ask> = {
    messages: (baseUrl, scope, nth) => post(baseUrl, scope, `loud-${nth % 300}`),
    'long-messages': (baseUrl, scope, nth) =>
      post(
        baseUrl,
        scope,
        `loud-${nth}`,
        {},
        `Letter ${nth}. ${'The ferry is late again today. '.repeat(1_000)}`,
      ),
    'dense-messages': (baseUrl, scope, nth) => post(baseUrl, scope, `loud-${nth}`, {}, denseText(nth)),
    searches: read('/search', { query: 'What did I tell you about the harbour?' }),
    lists: read('?limit=200'),
    exports: read('/export?embeddings=true'),
    erasures: async (baseUrl, scope, nth) => {
      await post(baseUrl, scope, `gone-${nth}`);
      await delay(2_000);
      return forget(baseUrl, scope, `gone-${nth}`);
    },
    'empty-erasures': (baseUrl, scope, nth) => forget(baseUrl, scope, `nobody-${nth}`),
  };
  const flood = floods[kind];
  if (!flood) throw new Error(`--flood must be one of ${Object.keys(floods).join(', ')}`);
  return flood;
}

/** Each letter is a token, and the agent's name has the question read twice. */
function denseText(nth: number): string {
  const letters = Array.from({ length: 520 }, (_, i) =>
    String.fromCodePoint(0x4e00 + ((nth * 31 + i * 7) % 5_000)),
  );
  return `Mara ${nth} ${letters.join('')}`;
}

async function forget(baseUrl: string, { agentId, apiKey }: Sender, userId: string): Promise<number> {
  const url = `${baseUrl}/v1/agents/${agentId}/users/${userId}/memory`;
  const answer = await fetch(url, { method: 'DELETE', headers: { authorization: `Bearer ${apiKey}` } });
  await answer.arrayBuffer();
  return answer.status;
}

/** Sixty messages of 2,000 letters, which is what a user may send at once, until they can be searched. */
async function fillMemory(baseUrl: string, loud: Sender): Promise<void> {
  const url = `${baseUrl}/v1/agents/${loud.agentId}/users/${READER}/memory?limit=200`;
  const sentences = (nth: number) => `The harbour of town ${nth} has a light and a ferry. `.repeat(40);
  for (let nth = 0; nth < 60; nth += 1) await post(baseUrl, loud, READER, {}, sentences(nth));
  let stored = 0;
  while (stored < 120) {
    await delay(1_000);
    const answer = await fetch(url, { headers: { authorization: `Bearer ${loud.apiKey}` } });
    ({ length: stored } = ((await answer.json()) as { memories: unknown[] }).memories);
  }
}

/** The other tenant: `times` as many, whatever becomes of them. */
async function flood(baseUrl: string, scope: Sender, signal: AbortSignal) {
  const counts = { accepted: 0, refused: 0 };
  for (let sent = 0; !signal.aborted; sent += 1) {
    void floodOf(baseUrl, scope, sent).then(
      (status) => (status < 300 ? (counts.accepted += 1) : (counts.refused += 1)),
      () => (counts.refused += 1),
    );
    await delay(quietEveryMs / times);
  }
  return counts;
}

function post(
  baseUrl: string,
  scope: Sender,
  userId: string,
  headers: Record<string, string> = {},
  text = `A message of ${userId}`,
): Promise<number> {
  return ask(scope, `${baseUrl}/v1/agents/${scope.agentId}/messages`, { userId, text }, headers);
}

/** The status of the answer to a GET, or to a POST with a body, once all of it has come. */
async function ask(scope: Sender, url: string, body?: object, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${scope.apiKey}`, 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

/** `slowest`: after how many seconds the slowest three were sent, and how many ms they took. */
function summary(latencies: readonly number[]) {
  const sorted = latencies.toSorted((a, b) => a - b);
  const sentAt = (ms: number): number => (latencies.indexOf(ms) * quietEveryMs) / 1_000;
  return {
    n: sorted.length,
    p50: Math.round(percentile(sorted, 0.5)),
    p95: Math.round(percentile(sorted, 0.95)),
    slowest: sorted.slice(-3).map((ms) => [sentAt(ms), Math.round(ms)]),
  };
}
