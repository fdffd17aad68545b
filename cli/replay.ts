/**
 * `npm run replay -- WORKFLOW_ID | HISTORY.json | --all-open`: replays
 * histories against the current code and prints a turn step by step. The exit
 * code is 0 when all replay, 1 when one doesn't, and 2 after any other error.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { historyKeys, llmConfig, recallConfig, replayConfig, type KeyRing } from '../src/config/index.ts';
import { createLlmClient } from '../src/llm/client.ts';
import { createRunAgent } from '../src/llm/run-agent.ts';
import { connectClient } from '../src/temporal/connection.ts';
import { fetchHistory, type RecordedHistory } from '../src/temporal/history.ts';
import { listRuns } from '../src/temporal/list-runs.ts';
import { readStory, type Turn } from '../src/temporal/story.ts';
import { workflowBundle } from '../src/worker/workflow-bundle.ts';
import { checkHistory, COMMAND_RECORDER, describeMisfit } from './replay/check-history.ts';
import { operatorEnvironment } from './operator-environment.ts';
import { forTerminal, printStory, section } from './replay/print-story.ts';
import { readHistoryFile } from './replay/read-history.ts';
import { createPoolAsOf, parseChanges, printDifference, rerunTurn } from './replay/what-if.ts';

const USAGE = `usage: npm run replay -- WORKFLOW_ID | HISTORY.json     prints what happened, and replays it
       npm run replay -- --all-open                     replays every open workflow: run it before a deployment
options: --what-if NAME=NUMBER,…   repeats recall and prompt with other settings (threshold, topK, window, …)
         --ask                     also asks the model with that prompt`;

// This command reports nondeterminism itself. The SDK would add a stack trace.
Runtime.install({
  logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
});

try {
  process.exitCode = await main();
} catch (error) {
  console.error(forTerminal(error instanceof Error ? error.message : String(error)));
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      'all-open': { type: 'boolean', default: false },
      'what-if': { type: 'string', multiple: true, default: [] },
      ask: { type: 'boolean', default: false },
    },
  });
  const [source] = positionals;
  if (positionals.length > 1 || Boolean(source) === values['all-open']) throw new Error(USAGE);
  if (values.ask && values['what-if'].length === 0) throw new Error(USAGE);
  const env = await operatorEnvironment();
  const keys = historyKeys(env);
  if (source === undefined) return withClient(env, keys, (client) => replayAllOpen(client, keys));
  const recorded = existsSync(source)
    ? await readHistoryFile(source)
    : await withClient(env, keys, (client) => fetchHistory(client, source));
  const story = await readStory(recorded, keys);
  console.log(forTerminal(printStory(story)));
  const fits = await report(recorded, keys);
  if (values['what-if'].length > 0) {
    if (!story.turn) throw new Error('--what-if needs a turn (workflow HandleMessage)');
    await reportWhatIf(env, story.turn, values['what-if'], values.ask);
  }
  return fits ? 0 : 1;
}

/** Replays one history and prints the result. True when it replays. */
async function report(recorded: RecordedHistory, keys: KeyRing): Promise<boolean> {
  const check = await checkHistory(
    recorded,
    await workflowBundle({ interceptorModules: [COMMAND_RECORDER] }),
    keys,
  );
  const events = recorded.history.events?.length ?? 0;
  if (check.fits) console.log(`\n✓ ${recorded.name} replays against today’s code (${events} events)`);
  else console.error(forTerminal(`\n✗ ${recorded.name}: ${describeMisfit(check)}`));
  return check.fits;
}

/** Replays every open workflow: a deployment must be able to continue all of them. */
async function replayAllOpen(client: Client, keys: KeyRing): Promise<number> {
  let all = 0;
  let misfits = 0;
  const open = listRuns(
    client,
    "ExecutionStatus='Running' AND WorkflowType IN ('HandleMessage', 'EmbedAndStore', 'ForgetUser', 'ImportMemory', 'SweepRetention', 'RemoveTenant', 'Reindex')",
  );
  for await (const { workflowId } of open) {
    all += 1;
    if (!(await report(await fetchHistory(client, workflowId), keys))) misfits += 1;
  }
  console.log(`${all} open workflows, ${misfits === 0 ? 'all fit' : `${misfits} do not fit`} today’s code`);
  return misfits === 0 ? 0 : 1;
}

type Environment = Awaited<ReturnType<typeof operatorEnvironment>>;

async function reportWhatIf(env: Environment, turn: Turn, wanted: string[], ask: boolean): Promise<void> {
  const changes = parseChanges(wanted, turn.agent.recall);
  const { databaseUrl } = recallConfig(env);
  const pool = createPoolAsOf(databaseUrl, new Date(turn.message.receivedAt));
  try {
    const rerun = await rerunTurn(pool, turn, changes);
    console.log(forTerminal(`\n${printDifference(turn, rerun, wanted.join(', '))}`));
    if (!ask) return;
    const llm = llmConfig(env);
    const runAgent = createRunAgent(createLlmClient(llm), llm);
    const answer = await runAgent(turn.message.text, turn.agent, rerun.prompt);
    console.log(forTerminal(`\n${section(`${answer.model} would say`, [answer.text])}`));
  } finally {
    await pool.end();
  }
}

async function withClient<T>(
  env: Environment,
  keys: KeyRing,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connectClient(replayConfig(env).temporal, keys);
  try {
    return await work(client);
  } finally {
    await client.connection.close();
  }
}
