/**
 * `node scripts/bootstrap.mjs bench/forget.ts [--turns 20000]`: measures how long the erasure of a large
 * scope takes, and what it does to the replies of others meanwhile. The turns are made past Konstruct: rows
 * of the ledger, memories, passages, and two ended executions each. Prints one line of JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ErasureReceipt } from '../src/domain/erasure.ts';
import { embedAndStoreWorkflowId, handleMessageWorkflowId } from '../src/domain/ids.ts';
import { runUntilStopped } from '../local/stack/run-until-stopped.ts';
import { percentile } from './percentile.ts';
import { startKonstruct, type Konstruct } from './service/konstruct.ts';
import { startStandIn } from './service/stand-in.ts';

const { values } = parseArgs({
  options: {
    turns: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '60' },
  },
});
const turns = Number(values.turns);
const USER = 'talkative';
const REPLY_EVERY_MS = 500;
/** About what the input of a turn takes, encrypted. */
const INPUT_BYTES = 4_000;
/** Executions that are made at once. */
const AT_ONCE = 100;

await runUntilStopped(
  async (onHandle) => {
    const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-forget-bench-'));
    const standIn = await startStandIn({ modelTakesMs: 0 });
    const konstruct = await startKonstruct({ home, standIn, channel: 'http', env: process.env, onHandle });
    const executions = await makeScope(konstruct);
    await repliesUntil(konstruct, delay(5_000));
    const before = await repliesUntil(konstruct, delay(Number(values.seconds) * 1_000));

    const startedAt = performance.now();
    const seconds = () => Math.round((performance.now() - startedAt) / 100) / 10;
    const request = await ask(
      konstruct,
      'DELETE',
      `/v1/agents/${konstruct.demo.agentId}/users/${USER}/memory`,
    );
    const { erasureId } = (await request.json()) as { erasureId: string };
    let memoryEmptyAfterS = 0;
    const erasing = (async () => {
      for (;;) {
        const answer = await ask(konstruct, 'GET', `/v1/erasures/${erasureId}`);
        const receipt = (await answer.json()) as ErasureReceipt;
        if (memoryEmptyAfterS === 0 && (await hasState(konstruct, erasureId, 'done')))
          memoryEmptyAfterS = seconds();
        if (receipt.finishedAt !== null) return receipt;
        await delay(500);
      }
    })();
    const during = await repliesUntil(konstruct, erasing);
    const { removed } = await erasing;
    const erasedAfterS = seconds();
    const replies = { before: summary(before), during: summary(during) };
    const runs = await runsOf(konstruct, erasureId);
    const result = { turns, executions, memoryEmptyAfterS, erasedAfterS, runs, removed, replies };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    await konstruct.stop();
    await standIn.close();
    await rm(home, { recursive: true, force: true });
    process.exit(0);
  },
  { stopIsSuccess: false },
);

/** A scope of many turns; the number of its executions. */
async function makeScope({ admin, demo, temporal }: Konstruct): Promise<number> {
  const { tenantId, agentId } = demo;
  const log = (what: string) => process.stderr.write(`  ${new Date().toISOString()} ${what}\n`);
  log(`making ${turns} turns …`);
  const scope = [tenantId, agentId, USER];
  await admin.query(`INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq) VALUES ($1, $2, $3, $4)`, [
    ...scope,
    turns,
  ]);
  const { rows } = await admin.query<{ id: string }>(
    `INSERT INTO turns (tenant_id, agent_id, user_id, message_id, seq, dedupe_key, body_hash, workflow_id, state,
                        received_at, finished_at, offered_at)
     SELECT $1, $2, $3, id, n, 'bench:' || id, '', $5::text || id, 'done', t, t, t
     FROM (SELECT gen_random_uuid() AS id, n, now() - interval '1 hour' AS t
           FROM generate_series(1, $4::int) n) AS made RETURNING message_id AS id`,
    [...scope, turns, handleMessageWorkflowId(tenantId, '')],
  );
  const random = `ARRAY(SELECT random() - 0.5 + 0 * t.seq FROM generate_series(1, 384))`;
  await admin.query(
    `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, content, role, embedding, exchange_id)
     SELECT tenant_id, agent_id, user_id, 'What was said in turn ' || seq, role, ${random}::vector, message_id
     FROM turns t, unnest(ARRAY['user', 'assistant']) role WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3`,
    scope,
  );
  await admin.query(
    `INSERT INTO exchange_passages (tenant_id, agent_id, user_id, exchange_id, part, flags, created_at, user_from,
                                    user_to, reply_from, reply_to, embedding, terms)
     SELECT tenant_id, agent_id, user_id, message_id, 0, 0, received_at, 0, 10, 0, 10, ${random}::halfvec,
            '{1:1}/1000000000' FROM turns t WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3`,
    scope,
  );
  const ids = rows.flatMap(({ id }) => [
    handleMessageWorkflowId(tenantId, id),
    embedAndStoreWorkflowId(tenantId, id),
  ]);
  log(`making ${ids.length} executions …`);
  const args = ['x'.repeat(INPUT_BYTES)];
  const waiting = ids.values();
  const makeSome = async () => {
    for (const workflowId of waiting) {
      const handle = await temporal.workflow.start('Nobody', { workflowId, taskQueue: 'nobody', args });
      await handle.terminate();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, makeSome));
  log('made');
  return ids.length;
}

/** Latencies of replies to others, one after each interval, until something has ended. */
async function repliesUntil(konstruct: Konstruct, end: Promise<unknown>): Promise<number[]> {
  const over = new AbortController();
  void end.finally(() => over.abort());
  const latencies: Array<Promise<number>> = [];
  for (let n = 0; !over.signal.aborted; n += 1) {
    latencies.push(reply(konstruct, `user-${n % 50}`));
    await delay(REPLY_EVERY_MS);
  }
  return (await Promise.all(latencies)).toSorted((a, b) => a - b);
}

async function reply(konstruct: Konstruct, userId: string): Promise<number> {
  const startedAt = performance.now();
  const body = JSON.stringify({ userId, text: `A message of ${userId}` });
  const answer = await ask(konstruct, 'POST', `/v1/agents/${konstruct.demo.agentId}/messages`, body);
  await answer.arrayBuffer();
  return answer.status === 200 ? performance.now() - startedAt : Number.POSITIVE_INFINITY;
}

function ask({ demo }: Konstruct, method: string, at: string, body?: string): Promise<Response> {
  const headers = {
    authorization: `Bearer ${demo.apiKey}`,
    ...(body !== undefined && { 'content-type': 'application/json', prefer: 'wait=60' }),
  };
  return fetch(demo.baseUrl + at, { method, headers, ...(body !== undefined && { body }) });
}

async function hasState({ admin }: Konstruct, messageId: string, state: string): Promise<boolean> {
  const { rowCount } = await admin.query('SELECT FROM turns WHERE message_id = $1 AND state = $2', [
    messageId,
    state,
  ]);
  return rowCount === 1;
}

/** The number of runs by which an erasure has continued. */
async function runsOf({ temporal, demo }: Konstruct, erasureId: string): Promise<number> {
  // The list is up to a second late.
  await delay(2_000);
  const { count } = await temporal.workflow.count(`WorkflowId = '${demo.tenantId}:erasure:${erasureId}'`);
  return count;
}

function summary(sorted: readonly number[]) {
  return {
    n: sorted.length,
    p50: Math.round(percentile(sorted, 0.5)),
    p95: Math.round(percentile(sorted, 0.95)),
    max: Math.round(sorted.at(-1) ?? 0),
  };
}
