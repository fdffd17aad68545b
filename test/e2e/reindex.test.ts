/** A worker dies in the midst of a reindex: another goes on where it was, and nothing is lost or doubled. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { DERIVED_VERSION } from '../../src/memory/long-term/derived-version.ts';
import { eventually } from '../support/eventually.ts';
import { hashEmbedder } from '../support/embeddings.ts';
import { memoryOf } from '../support/memory.ts';
import { makeOld, versionsOf } from '../support/old-passages.ts';
import { createProcesses, type Processes, type RunningProcess } from '../support/processes.ts';
import { asRole, connectRedis } from '../support/services.ts';
import { AS_OPERATOR, OPERATOR_TOKEN } from '../support/system.ts';

jest.setTimeout(240_000);

/** Each is cut into some ten passages, which the model takes some tenths of a second for. */
const EXCHANGES = 120;
const LONG = Array.from({ length: 40 }, (_, i) => `Sentence ${i} tells of the river and its bridges.`).join(
  ' ',
);

let processes: Processes;
let worker: RunningProcess;
beforeAll(async () => {
  processes = await createProcesses();
  const redis = await connectRedis();
  const { database, tenantId, agent } = processes;
  const scope = { tenantId, agentId: agent.id, userId: 'ada' };
  const memory = memoryOf({ pool: database.pool, redis, embedder: hashEmbedder() }, scope);
  await memory.tell(...Array.from({ length: EXCHANGES }, (_, i) => ({ user: `${i} ${LONG}` })));
  redis.disconnect();
  await makeOld(database, tenantId);
  worker = processes.start('worker');
  processes.start('api', {
    KONSTRUCT_OPERATOR_TOKEN: OPERATOR_TOKEN,
    DATABASE_OPERATOR_URL: asRole('operator', database.url),
  });
  await processes.ready();
}, 120_000);
afterAll(() => processes.close());

test('it goes on after SIGKILL, and messages are answered meanwhile', async () => {
  const { database, tenantId } = processes;
  const path = `/v1/tenants/${tenantId}/reindex`;
  const look = async () => (await processes.request('GET', path, undefined, AS_OPERATOR)).body;
  const renewed = async () => Number((await look())['renewed']);
  expect((await processes.request('POST', path, undefined, AS_OPERATOR)).status).toBe(202);
  await eventually(async () => (await renewed()) > 10, { timeoutMs: 60_000, what: 'the first exchanges' });
  worker.kill();
  await worker.exit;
  expect(await renewed()).toBeLessThan(EXCHANGES);
  // What is counted is what is done.
  const { rows: counted } = await database.admin.query(
    `SELECT renewed + (SELECT count(*)::int FROM exchange_passages p WHERE p.tenant_id = $1 AND p.version = 0) AS all
     FROM reindexes WHERE tenant_id = $1`,
    [tenantId],
  );
  expect(counted).toEqual([{ all: EXCHANGES }]);

  processes.start('worker');
  expect((await processes.say('Is anybody there?', { userId: 'bob' })).status).toBe(200);
  const ended = await eventually(
    async () => {
      const body = await look();
      return body['finishedAt'] !== null && body;
    },
    { timeoutMs: 180_000, what: 'the end' },
  );
  expect(ended).toMatchObject({ exchanges: EXCHANGES, renewed: EXCHANGES, left: 0 });
  expect(Object.keys(await versionsOf(database, tenantId))).toEqual([String(DERIVED_VERSION)]);
  // As many messages as before, and each exchange has its passages once, from its beginning to its end.
  const { rows } = await database.admin.query<{ exchanges: number; whole: number }>(
    `SELECT count(*)::int AS exchanges, count(*) FILTER (WHERE said = length)::int AS whole FROM (
       SELECT p.exchange_id, sum(p.user_to - p.user_from) AS said,
              (SELECT length(content) FROM conversation_embeddings m
               WHERE m.tenant_id = $1 AND m.exchange_id = p.exchange_id AND m.role = 'user') AS length
       FROM exchange_passages p WHERE p.tenant_id = $1 AND p.user_id = 'ada' GROUP BY 1) each`,
    [tenantId],
  );
  expect(rows).toEqual([{ exchanges: EXCHANGES, whole: EXCHANGES }]);
});
