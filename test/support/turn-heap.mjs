/**
 * `node --expose-gc turn-heap.mjs TURNS`: prints the bytes of heap that a turn keeps while it waits for its
 * model, by the mean of so many in the SDK's own sandbox. Its texts are the longest that a turn may carry, in
 * letters that take one byte in JSON and two on the heap. No types: the sandbox is no public part of the SDK.
 */
import { createRequire } from 'node:module';
import { defaultPayloadConverter, TypedSearchAttributes } from '@temporalio/common';
import proto from '@temporalio/proto';
import { MAX_MEMORY_BYTES, MAX_RECALLED_BYTES, MAX_TEXT_LENGTH } from '../../src/domain/bounds.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';

const sdk = createRequire(createRequire(import.meta.url).resolve('@temporalio/worker'));
const { ReusableVMWorkflowCreator } = sdk('./workflow/reusable-vm.js');
const { parseWorkflowCode } = sdk('./worker.js');
const Long = sdk('long');

/** One wide letter makes V8 hold all of a text in two bytes a letter. */
const wide = (letters) => `\u0101${'a'.repeat(letters - 1)}`;
const messages = (count, bytes) => Array.from({ length: count }, () => wide(Math.floor(bytes / count)));
const said = (content, nth) => ({ role: nth % 2 === 0 ? 'user' : 'assistant', content });

const INPUT = {
  message: {
    ...{ tenantId: 't', agentId: 'a', userId: 'u', messageId: 'm', channel: { name: 'http' } },
    ...{ text: wide(MAX_TEXT_LENGTH), receivedAt: new Date().toISOString(), seq: 20, turnsAhead: 0 },
    background: messages(50, 12_000).map((text) => ({ author: 'Ada', at: new Date().toISOString(), text })),
  },
  agent: {
    ...{ id: 'a', tenantId: 't', name: 'Mara', jobTitle: 'assistant', persona: wide(8_000), model: null },
    ...{ systemPrompt: wide(MAX_TEXT_LENGTH), maxPromptTokens: 200_000, liveReplies: false },
    recall: { topK: 20, threshold: 0, cosineWeight: 0.5, maxWords: 5_000, fillWords: 5_000 },
  },
  limits: { holdFollowersMs: 30_000, maxPromptTokens: 24_000 },
};
const GATHERED = {
  window: messages(20, MAX_MEMORY_BYTES - MAX_RECALLED_BYTES - 5_000).map(said),
  recalled: messages(8, MAX_RECALLED_BYTES - 5_000).map((content) => ({
    ...{ exchangeId: 'e', role: 'user', createdAt: new Date().toISOString(), content },
  })),
  ...{ embedding: 'x'.repeat(2_048), missing: [], timingsMs: { window: 1, embed: 1, recall: 1 } },
};

const bundle = await workflowBundle();
const names = new Set(['gatherContext', 'answerTurn']);
const creator = await ReusableVMWorkflowCreator.create(await parseWorkflowCode(bundle.code), 5_000, names);
const payload = (value) => defaultPayloadConverter.toPayload(value);

/** Runs a turn until it has asked its model. */
async function waiting(nth) {
  const [runId, now] = [`run-${nth}`, Date.now()];
  const timestamp = { seconds: Long.fromNumber(Math.floor(now / 1_000)), nanos: 0 };
  const info = {
    ...{ workflowId: `w-${nth}`, runId, firstExecutionRunId: runId, originalExecutionRunId: runId },
    ...{ workflowType: 'HandleMessage', taskQueue: 'q', namespace: 'n', taskTimeoutMs: 10_000, attempt: 1 },
    ...{ searchAttributes: {}, typedSearchAttributes: new TypedSearchAttributes() },
    ...{ startTime: new Date(now), runStartTime: new Date(now), historyLength: 3, historySize: 0 },
    unsafe: { now: Date.now, isReplaying: false, isReplayingHistoryEvents: false, random: Math.random },
  };
  const started = { info, now, randomnessSeed: [1, 2, 3, 4], showStackTraceSources: false };
  const workflow = await creator.createWorkflow({ ...started, failureExceptionTypeNames: [] });
  const activate = async (job) => {
    const activation = { runId, timestamp, historyLength: 3, historySizeBytes: Long.ZERO, jobs: [job] };
    const { successful } = await workflow.activate(
      proto.coresdk.workflow_activation.WorkflowActivation.fromObject(activation),
    );
    if (!successful) throw new Error('the turn’s task has failed: its input isn’t what a turn takes');
    await workflow.getAndResetSinkCalls();
    return successful.commands;
  };
  const commands = await activate({
    initializeWorkflow: {
      ...{ workflowType: 'HandleMessage', workflowId: info.workflowId, arguments: [payload(INPUT)] },
      ...{ randomnessSeed: Long.ONE, firstExecutionRunId: runId, attempt: 1, startTime: timestamp },
    },
  });
  // So long a text is gathered for in turn, by an activity as the one that asks the model.
  const { seq } = commands.find(({ scheduleActivity }) => scheduleActivity).scheduleActivity;
  const result = { completed: { result: payload(GATHERED) } };
  const asked = await activate({ resolveActivity: { seq, isLocal: false, result } });
  const [{ data }] = asked.find(({ scheduleActivity }) => scheduleActivity).scheduleActivity.arguments;
  if (data.length < MAX_MEMORY_BYTES) throw new Error(`the model is asked with ${data.length} bytes alone`);
}

const heapUsed = () => {
  globalThis.gc();
  return process.memoryUsage().heapUsed;
};
await waiting('first');
const before = heapUsed();
const turns = Number(process.argv[2]);
for (let nth = 0; nth < turns; nth += 1) await waiting(nth);
console.log(Math.round((heapUsed() - before) / turns));
process.exit(0);
