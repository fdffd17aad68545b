/**
 * `npm run fair-share [-- --seconds 30 --llm-ms 300 --times 50 --every-ms 1000]`: measures how long a quiet
 * tenant waits for its replies on an idle system, and while another tenant sends many times as much. Prints
 * one line of JSON. The exit code is 1 when the p95 more than doubles.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { prepareScopes, startSystem } from '../test/chaos/system.ts';
import type { ChaosScope } from '../test/chaos/traffic.ts';
import { runUntilStopped } from '../local/stack/run-until-stopped.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    'llm-ms': { type: 'string', default: '300' },
    times: { type: 'string', default: '50' },
    'every-ms': { type: 'string', default: '1000' },
  },
});
const lengthMs = Number(values.seconds) * 1_000;
const times = Number(values.times);
/** Interval between the quiet tenant's messages. */
const quietEveryMs = Number(values['every-ms']);

await runUntilStopped(
  async (onHandle) => {
    const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-fair-'));
    const system = await startSystem({
      home,
      seed: 1,
      calmLlm: { delayMs: Number(values['llm-ms']) },
      onHandle,
    });
    const scopes = await prepareScopes(system, 36);
    const [quiet, loud] = [scopes[0], scopes[35]];
    if (!quiet || !loud) throw new Error('too few scopes');
    const { baseUrl } = system.sources;
    await measure(baseUrl, quiet, 5 * quietEveryMs);
    const idle = await measure(baseUrl, quiet, lengthMs);
    const stop = new AbortController();
    const flooding = flood(baseUrl, loud, stop.signal);
    await delay(2_000);
    const flooded = await measure(baseUrl, quiet, lengthMs);
    stop.abort();
    const sent = await flooding;
    const answered = system.llm.asked.length;
    const ratio = percentile(flooded, 0.95) / percentile(idle, 0.95);
    const result = {
      llmMs: Number(values['llm-ms']),
      quietEveryMs,
      idle: summary(idle),
      flooded: summary(flooded),
      ratioP95: Math.round(ratio * 100) / 100,
      floodAccepted: sent.accepted,
      floodRefused: sent.refused,
      modelAsked: answered,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    await system.stop();
    await rm(home, { recursive: true, force: true });
    process.exit(ratio <= 2 ? 0 : 1);
  },
  { stopIsSuccess: false },
);

/**
 * Sorted latencies of the quiet tenant's messages in ms. Each
 * has its own user, so that none waits for another.
 */
async function measure(baseUrl: string, scope: ChaosScope, forMs: number): Promise<number[]> {
  const latencies: Array<Promise<number>> = [];
  for (let sent = 0; sent * quietEveryMs < forMs; sent += 1) {
    const started = performance.now();
    const reply = post(baseUrl, scope, `quiet-${sent}`, { prefer: 'wait=60' });
    latencies.push(
      reply.then((status) => (status === 200 ? performance.now() - started : Number.POSITIVE_INFINITY)),
    );
    await delay(quietEveryMs);
  }
  return (await Promise.all(latencies)).toSorted((a, b) => a - b);
}

/** Sends the loud tenant's messages, `times` as many, until `signal` is aborted. Counts the answers. */
async function flood(baseUrl: string, scope: ChaosScope, signal: AbortSignal) {
  const counts = { accepted: 0, refused: 0 };
  for (let sent = 0; !signal.aborted; sent += 1) {
    void post(baseUrl, scope, `loud-${sent % 300}`).then(
      (status) => (status === 202 ? (counts.accepted += 1) : (counts.refused += 1)),
      () => (counts.refused += 1),
    );
    await delay(quietEveryMs / times);
  }
  return counts;
}

async function post(
  baseUrl: string,
  scope: ChaosScope,
  userId: string,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${baseUrl}/v1/agents/${scope.agentId}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${scope.apiKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ userId, text: `A message of ${userId}` }),
  });
  await response.arrayBuffer();
  return response.status;
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function summary(sorted: readonly number[]) {
  return {
    n: sorted.length,
    p50: Math.round(percentile(sorted, 0.5)),
    p95: Math.round(percentile(sorted, 0.95)),
  };
}
