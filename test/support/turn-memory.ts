/**
 * `node --expose-gc turn-memory.ts TURNS ADDRESS NAMESPACE`: prints the bytes that a turn keeps in a worker's
 * process while it waits for its model, on all heaps and beside them, by the mean of so many. Its texts are
 * the longest that a turn may carry.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { MAX_MEMORY_BYTES, MAX_RECALLED_BYTES, MAX_TEXT_LENGTH } from '../../src/domain/bounds.ts';
import { NativeConnection, Runtime } from '@temporalio/worker';
import { encryption } from '../../src/config/encryption.ts';
import { parse } from '../../src/config/variables.ts';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { createWorkers } from '../../src/worker/workers.ts';
import type { HandleMessage } from '../../src/workflows/handle-message.ts';
import { acceptedMessage } from './accepted-message.ts';
import { eventually } from './eventually.ts';
import { fakeActivities } from './fake-activities.ts';

/** Of so few the heaps grow by what they need in any case. */
const BEFORE = 15;

const text = (letters: number) => randomBytes(letters).toString('base64').slice(0, letters);
const messages = (count: number, bytes: number) =>
  Array.from({ length: count }, () => text(Math.floor(bytes / count)));

let asked = 0;
const activities = fakeActivities([], {
  gatherContext: async () => ({
    window: messages(20, MAX_MEMORY_BYTES - MAX_RECALLED_BYTES - 5_000).map((content, nth) => ({
      role: nth % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content,
    })),
    recalled: messages(8, MAX_RECALLED_BYTES - 5_000).map((content) => ({
      ...{ exchangeId: randomUUID(), role: 'user' as const, createdAt: new Date().toISOString(), content },
      ...{ score: 0.6, cosine: 0.6, lexical: 0.6 },
    })),
    ...{ embedding: text(2_048), missing: [], timingsMs: { window: 1, embed: 1, recall: 1 } },
  }),
  answerTurn() {
    asked += 1;
    return new Promise(() => undefined);
  },
});

const [, , turns = '', address = '', namespace = ''] = process.argv;
const { keys } = parse({ encryption }, process.env).encryption;
Runtime.install({ logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} } });
const connection = await NativeConnection.connect({ address });
const bundle = await workflowBundle();
for (const worker of await createWorkers({
  connection,
  namespace,
  keys,
  bundle,
  activities,
  callsAtOnce: 400,
}))
  void worker.run();
const client = lazyClient({ address, namespace }, keys);
const ask = async (count: number): Promise<number> => {
  for (let nth = 0; nth < count; nth += 1) {
    const input = acceptedMessage({ text: text(MAX_TEXT_LENGTH) }, { maxPromptTokens: 200_000 });
    Object.assign(input.agent, { systemPrompt: text(MAX_TEXT_LENGTH), persona: text(8_000) });
    const before = asked;
    const { tenantId, messageId } = input.message;
    await client.workflow.start<typeof HandleMessage>('HandleMessage', {
      workflowId: handleMessageWorkflowId(tenantId, messageId),
      args: [input],
      taskQueue: REPLY_TASK_QUEUE,
    });
    await eventually(async () => asked > before);
  }
  await delay(1_000);
  globalThis.gc?.();
  return process.memoryUsage().rss;
};
const before = await ask(BEFORE);
const after = await ask(Number(turns));
console.log(Math.round((after - before) / Number(turns)));
process.exit(0);
