import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import { WORKFLOW_INTERCEPTOR_MODULES } from '../../src/observability/tracing.ts';
import { NO_KEYS } from '../../src/config/index.ts';
import { dataConverter } from '../../src/temporal/data-converter.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';

const FOLDER = fileURLToPath(new URL('./histories/', import.meta.url));
/** `0.1.0/answered.json`, …: of every version that was released. */
const files = (await readdir(FOLDER, { recursive: true }))
  .filter((name) => name.endsWith('.json'))
  .toSorted();

type RecordedHistory = {
  events?: Array<{
    workflowExecutionStartedEventAttributes?: { workflowId?: string; workflowType?: { name?: string } };
  }>;
};

async function read(file: string) {
  const history = JSON.parse(await readFile(path.join(FOLDER, file), 'utf8')) as RecordedHistory;
  const started = history.events?.[0]?.workflowExecutionStartedEventAttributes;
  return { history, workflowId: started?.workflowId ?? '', type: started?.workflowType?.name ?? '' };
}

test('there is a recorded history of every workflow type', async () => {
  const types = await Promise.all(files.map(async (file) => (await read(file)).type));
  expect(new Set(types)).toEqual(
    new Set([
      'HandleMessage',
      'EmbedAndStore',
      'ForgetUser',
      'ImportMemory',
      'Reindex',
      'SweepRetention',
      'RemoveTenant',
    ]),
  );
});

// Traces can be switched on while a turn is open: what its workflow asks for must not hang on them.
describe.each([
  ['today’s code', []],
  ['today’s code with traces', WORKFLOW_INTERCEPTOR_MODULES],
])('against %s', (_name, interceptorModules) => {
  test.each(files)('%s replays', async (file) => {
    const { history, workflowId } = await read(file);
    const bundle = await workflowBundle({ interceptorModules });
    await Worker.runReplayHistory(
      { workflowBundle: bundle, dataConverter: dataConverter(NO_KEYS) },
      history,
      workflowId,
    );
  });
});

test('a history with its steps in another order does not', async () => {
  const { history, workflowId } = await read('0.1.0/answered.json');
  // The first activity becomes another one, as if the code had been changed without a patch.
  const changed = JSON.parse(JSON.stringify(history).replaceAll('answerTurn', 'recordFailedTurn')) as object;
  const replay = Worker.runReplayHistory(
    { workflowBundle: await workflowBundle(), dataConverter: dataConverter(NO_KEYS) },
    changed,
    workflowId,
  );
  await expect(replay).rejects.toThrow(/nondeterminism/i);
});
