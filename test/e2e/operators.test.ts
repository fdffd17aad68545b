/**
 * What operators see of a running installation: the runbook's answers, one trace of one message, metrics,
 * logs.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { pipPackages } from '../../local/stack/packages.ts';
import { cacheRoot } from '../../local/stack/paths.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { startFakeLlm, fail, type FakeLlm } from '../support/fake-llm.ts';
import { startInstallation, type Installation } from '../support/installation.ts';
import {
  orphans,
  pathUp,
  startCollector,
  traceOf,
  type CollectedSpan,
  type Collector,
} from '../support/otlp-collector.ts';

jest.setTimeout(180_000);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FACT = 'My daughter Mila plays the cello in the school orchestra';
const QUESTION = 'Which instrument does my daughter play?';
const ANSWER = 'The cello, as far as I was told.';

let llm: FakeLlm;
let collector: Collector;
let home: string;
let installation: Installation;
let workerUrl: string;
let question: { messageId: string; workflowId: string };
let shell: Record<string, string>;

beforeAll(async () => {
  [llm, collector] = await Promise.all([startFakeLlm(), startCollector()]);
  home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-operators-'));
  const workerPort = await freePort();
  workerUrl = `http://127.0.0.1:${workerPort}`;
  llm.answerWith((messages) => {
    const text = messages.at(-1)?.content ?? '';
    if (text.includes('refused')) return fail(400);
    // Never finishes: an open turn.
    if (text.includes('hangs')) return (res) => res.writeHead(200).flushHeaders();
    return text === QUESTION ? ANSWER : 'I will remember that.';
  });
  installation = await startInstallation(home, {
    LLM_BASE_URL: llm.baseUrl,
    LLM_MODEL: 'recorded',
    WORKER_PORT: String(workerPort),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '200',
  });
  await installation.say(FACT);
  await eventually(
    async () => ((await installation.memoryOf('ada')).body['memories'] as unknown[]).length === 2,
  );
  for (let i = 0; i < 10; i += 1) await installation.say(`Order ${i + 3} boxes of printer paper`);
  question = (await installation.say(QUESTION)).body as typeof question;
  await installation.say('This is refused', 'eve');
  void installation.say('This hangs', 'bob').catch(() => undefined);
  const stackEnv = parseEnv(await readFile(path.join(home, 'stack.env'), 'utf8')) as Record<string, string>;
  const { TEMPORAL_ADDRESS = '' } = stackEnv;
  const cliFolder = path.join(
    cacheRoot(process.env),
    pipPackages.temporal.requirement.replace('==', '-'),
    'bin',
  );
  shell = {
    PATH: `${process.env['PATH']}:${cliFolder}`,
    HOME: home,
    NODE: process.execPath,
    KONSTRUCT_HOME: home,
    TEMPORAL_ADDRESS,
    API: installation.demo.baseUrl,
    WORKER: workerUrl,
    TENANT: installation.demo.tenantId,
    AGENT: installation.demo.agentId,
    USER_ID: 'ada',
    MESSAGE: question.messageId,
    TODAY: `${new Date().toISOString().slice(0, 10)}T00:00:00Z`,
    FIVE_MINUTES_AGO: new Date(Date.now() - 300_000).toISOString(),
  };
  await eventually(async () =>
    (await run(`temporal workflow describe -w "$TENANT:memory:$MESSAGE"`)).output.includes('COMPLETED'),
  );
});
afterAll(async () => {
  await installation.interrupt();
  await Promise.all([llm.close(), collector.close(), rm(home, { recursive: true, force: true })]);
});

/** Runs a line in a shell, as an operator types it; `npm run X --` goes straight to the script. */
function run(line: string): Promise<{ code: number; output: string }> {
  const file = `"$NODE" -p "require('./package.json').scripts['$script'].split(' ').at(-1)"`;
  const npm = `npm() { local script=$2; shift 3; "$NODE" "$(${file})" "$@"; }`;
  return new Promise((resolve) => {
    execFile('bash', ['-c', `${npm}\n${line}`], { cwd: ROOT, env: shell }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
    );
  });
}

const runbook = await readFile(path.join(ROOT, 'docs/RUNBOOK.md'), 'utf8');
/** The rows of the table below a heading: question and what stands between the backticks. */
const rowsBelow = (heading: string): Array<[string, string]> => {
  const part = runbook.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...part.matchAll(/^\| (.+?) +\| `(.+)` +\|$/gm)].map(([, asked = '', line = '']) => [asked, line]);
};

describe('docs/RUNBOOK.md', () => {
  const queries = rowsBelow('Questions for the Web UI');

  test('lists ten questions or more', () => expect(queries.length).toBeGreaterThanOrEqual(10));

  test.each(queries)('%s', async (asked, query) => {
    // What is indexed lags behind a little.
    const count = await eventually(async () => {
      const { code, output } = await run(`temporal workflow list -o json -q "${query}"`);
      if (code !== 0) throw new Error(output);
      const found = (JSON.parse(output || '[]') as unknown[]).length;
      return found > 0 || /longer|more than|behind/.test(asked) ? { found } : undefined;
    });
    expect(count.found).toBeGreaterThanOrEqual(0);
  });

  test.each(rowsBelow('Commands'))('%s', async (_asked, command) => {
    const { code, output } = await run(command);
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringMatching(/\S/) });
  });
});

describe('npm run replay', () => {
  test('explains a turn completely from its id', async () => {
    const { code, output } = await run('npm run replay -- "$TENANT:message:$MESSAGE"');
    expect(code).toBe(0);
    for (const part of [
      QUESTION,
      FACT,
      ANSWER,
      'Window: 20 messages',
      'Recalled',
      'Prompt',
      'Figures',
      'ask the model',
    ]) {
      expect(output).toContain(part);
    }
    expect(output).toMatch(/✓ .* replays against today’s code/);
  });

  test('shows what another threshold would have recalled, without asking the model', async () => {
    const asked = llm.prompts.length;
    const { code, output } = await run(
      'npm run replay -- "$TENANT:message:$MESSAGE" --what-if threshold=0.99',
    );
    expect(code).toBe(0);
    expect(output).toMatch(/What if threshold=0.99: 0 messages recalled instead of [1-9]/);
    expect(llm.prompts).toHaveLength(asked);
    const again = await run('npm run replay -- "$TENANT:message:$MESSAGE" --what-if threshold=0.99 --ask');
    expect(again.output).toContain(ANSWER);
    expect(llm.prompts).toHaveLength(asked + 1);
  });

  test('under the recorded settings, recall comes to the recorded result: nothing newer is seen', async () => {
    const { recall } = (await installation.get(`/v1/agents/${installation.demo.agentId}`)).body as {
      recall: { topK: number };
    };
    const { output } = await run(
      `npm run replay -- "$TENANT:message:$MESSAGE" --what-if topK=${recall.topK}`,
    );
    expect(output).toContain('The prompt would have been the same.');
  });

  test('a history that the code no longer fits ends with code 1, event and command side by side', async () => {
    const { output } = await run('temporal workflow show -w "$TENANT:message:$MESSAGE" --output json');
    const file = path.join(home, 'changed.json');
    await writeFile(file, output.replaceAll('answerTurn', 'recordFailedTurn'));
    const replayed = await run(`npm run replay -- ${file}`);
    expect(replayed.code).toBe(1);
    expect(replayed.output).toMatch(/✗ changed\.json/);
    expect(replayed.output).toMatch(/✗ +\d+ +activity recordFailedTurn +activity answerTurn/);
  });
});

test('one message is one connected trace, from the request to the stored memory', async () => {
  const storesMemory = (span: CollectedSpan) =>
    span.attributes.some(({ value }) => value.stringValue?.startsWith('INSERT INTO conversation_embeddings'));
  const tree = await eventually(async () => {
    const spans = traceOf(collector, 'POST /v1/agents/:agentId/messages');
    return spans.some(storesMemory) && orphans(spans).length === 0 ? spans : undefined;
  });
  const names = tree.map(({ name }) => name);
  for (const name of [
    'StartWorkflow:HandleMessage',
    'RunWorkflow:HandleMessage',
    'RunActivity:gatherContext',
    'embed',
    'redis lrange',
    'RunActivity:answerTurn',
    'llm',
    'redis eval',
    'RunWorkflow:EmbedAndStore',
  ]) {
    expect(names).toContain(name);
  }
  expect(tree.filter(({ parentSpanId }) => !parentSpanId)).toHaveLength(1);
  expect(new Set(tree.map(({ service }) => service))).toEqual(new Set(['konstruct-api', 'konstruct-worker']));
  const fromInsertToRequest = pathUp(tree, tree.find(storesMemory));
  expect(fromInsertToRequest.slice(1).filter((name) => !name.startsWith('Start'))).toEqual([
    'RunActivity:storeTurn',
    'RunWorkflow:EmbedAndStore',
    'RunWorkflow:HandleMessage',
    'POST /v1/agents/:agentId/messages',
  ]);
  for (const text of [FACT, QUESTION, ANSWER]) expect(collector.bodies.join('\n')).not.toContain(text);
});

test('metrics tell of the product and of Temporal', async () => {
  const worker = await (await fetch(`${workerUrl}/metrics`)).text();
  for (const line of [
    /konstruct_replies_total\{outcome="replied"\} 12/,
    /konstruct_replies_total\{outcome="failed"\} 1/,
    /konstruct_recalls_total\{outcome="hit"\} [1-9]/,
    /konstruct_recalls_total\{outcome="empty"\} [1-9]/,
    /konstruct_step_duration_seconds_count\{step="answerTurn",outcome="done"\} 12/,
    /konstruct_backfill_lag_seconds_count 12/,
    /konstruct_turn_seconds_count 12/,
    /konstruct_llm_tokens_total\{model="recorded",kind="prompt"\} 132/,
    /# TYPE konstruct_degraded_turns_total counter/,
    /temporal_workflow_task_execution_latency_bucket/,
  ]) {
    expect(worker).toMatch(line);
  }
  // The page is open to whoever reaches the port.
  expect(worker).not.toContain(installation.demo.tenantId);
  const api = await (await fetch(`${installation.demo.baseUrl}/metrics`)).text();
  expect(api).toMatch(/konstruct_http_request_duration_seconds_count\{.*messages/);
});

test('every metric of the dashboard exists', async () => {
  const dashboard = await readFile(path.join(ROOT, 'docs/grafana-dashboard.json'), 'utf8');
  const exported =
    (await (await fetch(`${workerUrl}/metrics`)).text()) +
    (await (await fetch(`${installation.demo.baseUrl}/metrics`)).text());
  const named = new Set(dashboard.match(/\b(?:konstruct|temporal)_[a-z_]+/g));
  expect(named.size).toBeGreaterThan(8);
  for (const name of named) expect(exported).toContain(name);
});

test('logs follow a message by its id and never hold what was said', async () => {
  const logs = await Promise.all(
    ['api', 'worker'].map((name) => readFile(path.join(home, 'logs', `${name}.log`), 'utf8')),
  );
  const all = logs.join('\n');
  expect(all).toContain(`"messageId":"${question.messageId}"`);
  for (const text of [FACT, QUESTION, ANSWER, 'printer paper']) expect(all).not.toContain(text);
  for (const line of all.split('\n').filter(Boolean)) expect(() => JSON.parse(line) as unknown).not.toThrow();
});
