/**
 * The whole of /openapi.json, tried out by a program that is not ours: no server error, no status, header or
 * body that is not described, and what the description forbids is refused.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { hashEmbedder } from '../support/embeddings.ts';
import { eventually } from '../support/eventually.ts';
import { fail, noted } from '../support/fake-llm.ts';
import { installSchemathesis } from '../support/schemathesis.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';
import { exported, imported, sendImport } from '../support/transfer.ts';

/** Of each call, beside those that show its limits; `npm run test:api` asks for more. */
const EXAMPLES = process.env['API_EXAMPLES'] ?? '10';
const WITHIN_MS = 300_000;
/** Calls that may be told to come again because the machine is busy with other tests. */
const MOST_UNAVAILABLE = 5;

const schemathesis = await installSchemathesis();
if (typeof schemathesis === 'string') {
  process.stderr.write(`skipped, the API is not held against its description: ${schemathesis}\n`);
}
const unlessMissing = typeof schemathesis === 'string' ? test.skip : test;

let system: System | undefined;
beforeAll(async () => {
  if (typeof schemathesis === 'string') return;
  system = await startSystem({
    agentsPerTenant: 100_000,
    // What is looked at is what a call answers, not how many there may be.
    callsAMinute: 1_000_000,
    worker: { embedder: hashEmbedder },
  });
}, 60_000);
afterAll(() => system?.stop());

/** What was found, without the warnings and counts after it; all that was said when nothing was found. */
const failuresIn = (output: string): string =>
  /^=+ FAILURES =+$[^]*?(?=^=+ \w+ =+$)/m.exec(output)?.[0] ?? output;

type Ids = Record<string, string[]>;

/** Makes one of each thing, and gives the ids by the names of the parameters that take them. */
async function makeThings(system: System): Promise<Record<string, Ids>> {
  const { agent, tenantId, apiKey, llm } = system;
  const operator = async (path: string, body: object) =>
    (await system.request('POST', `/v1/tenants${path}`, body, AS_OPERATOR)).body;
  const unlimited = { burst: 1_000_000, perMinute: 1_000_000 };
  const rateLimits = { user: unlimited, tenant: unlimited };
  await system.request('PATCH', `/v1/tenants/${tenantId}`, { rateLimits }, AS_OPERATOR);

  llm.answerWith(() => fail(400));
  const failed = [await system.say('Hello'), await system.say('Hello again')];
  llm.answerWith(noted);
  const done = [await system.say('My bicycle is blue.'), await system.say('It has three gears.')];
  const others = [];
  for (const text of ['I live in Ghent.', 'I bake bread.', 'I sing.']) {
    others.push(await system.say(text, { userId: 'bob' }));
  }
  const erasure = await system.request('DELETE', `/v1/agents/${agent.id}/users/carol/memory`, undefined, {
    prefer: 'wait=30',
  });
  const caller = { apiKey, agentId: agent.id };
  const file = await eventually(async () => {
    const text = await exported(system, caller, 'ada');
    return text.includes('gears') && text.includes('"exchange"') ? text : undefined;
  });
  await imported(system, caller, 'dora', file);
  const { importId } = (await sendImport(system, caller, 'dora', file)).body;

  const other = String((await operator('', { name: 'Other' }))['tenantId']);
  const keys = await Promise.all(
    Array.from({ length: 40 }, async () => (await operator(`/${other}/api-keys`, {}))['apiKeyId']),
  );
  await operator(`/${other}/reindex`, {});
  const removed = await Promise.all(
    Array.from({ length: 4 }, async () => (await operator('', { name: 'Removed' }))['tenantId']),
  );
  const idOf = (answer: { body: Record<string, unknown> }, name: string) => String(answer.body[name]);
  const messages = (answers: typeof done) => answers.map((answer) => idOf(answer, 'messageId'));
  const toRemove = { tenantId: removed.map(String) };
  return {
    '*': {
      agentId: [agent.id],
      userId: ['ada', 'dora'],
      messageId: messages([...done, ...failed]),
      exchangeId: messages(others),
      erasureId: [
        erasure.status === 200
          ? idOf(erasure, 'erasureId')
          : String(erasure.headers.get('location')?.split('/').at(-1)),
      ],
      importId: [String(importId)],
      tenantId: [other],
      keyId: keys.map(String),
    },
    // Ids come back in answers: nobody takes away or changes what the others, or the run itself, rest on.
    'DELETE /v1/agents/{agentId}/users/{userId}/memory': { userId: ['carol'] },
    'DELETE /v1/agents/{agentId}/users/{userId}/memory/{exchangeId}': { userId: ['bob'] },
    'DELETE /v1/tenants/{tenantId}': toRemove,
    'PATCH /v1/tenants/{tenantId}': { tenantId: [other] },
    'DELETE /v1/tenants/{tenantId}/api-keys/{keyId}': { tenantId: [other] },
    'POST /v1/tenants/{tenantId}/api-keys/{keyId}/rotate': { tenantId: [other] },
    'GET /v1/tenants/{tenantId}/removal': toRemove,
  };
}

unlessMissing(
  'nothing is answered that the description does not say',
  async () => {
    if (typeof schemathesis === 'string' || !system) return;
    const existing = await makeThings(system);
    const url = `${system.baseUrl}/openapi.json`;
    const calls = path.join(await mkdtemp(path.join(os.tmpdir(), 'konstruct-calls-')), 'calls.ndjson');
    const args = [
      'run',
      url,
      '--phases',
      'examples,coverage,fuzzing',
      '--max-examples',
      EXAMPLES,
      '--no-color',
      '--report-ndjson-path',
      calls,
    ];
    const { code, output } = await schemathesis(args, {
      env: {
        TENANT_API_KEY: system.apiKey,
        OPERATOR_TOKEN: AS_OPERATOR.authorization.replace('Bearer ', ''),
        EXISTING: JSON.stringify(existing),
      },
      timeoutMs: WITHIN_MS,
    });
    const report = process.env['API_REPORT'];
    if (report) await writeFile(report, output);
    expect({ code, failures: code === 0 ? '' : failuresIn(output) }).toEqual({ code: 0, failures: '' });
    expect(output).toMatch(/Coverage|Fuzzing/);
    const statuses = (await readFile(calls, 'utf8')).match(/(?<="status_code":\s?)\d+/g) ?? [];
    await rm(path.dirname(calls), { recursive: true });
    expect(statuses.length).toBeGreaterThan(1_000);
    expect(statuses.filter((status) => status === '503').length).toBeLessThanOrEqual(MOST_UNAVAILABLE);
  },
  WITHIN_MS + 60_000,
);
