/** A backlog of backfills, which must not slow replies down. */
import { randomUUID } from 'node:crypto';
import { embedAndStoreWorkflowId } from '../../src/domain/ids.ts';
import type { InboundMessage } from '../../src/domain/conversation.ts';
import { sealMessage, sealOf } from '../../src/intake/seals.ts';
import type { EmbedAndStoreInput } from '../../src/domain/turn.ts';
import { encodeEmbedding } from '../../src/memory/embedding/embedding-codec.ts';
import { EMBEDDING_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import type { EmbedAndStore } from '../../src/workflows/embed-and-store.ts';
import type { Konstruct } from './konstruct.ts';

const STARTED_AT_ONCE = 25;

export type Backlog = {
  waiting(): Promise<number>;
  /** Resolves when no backfill waits. */
  done(): Promise<void>;
};

/** Starts backfills as finished replies do, until `wanted` of them wait. */
export async function startBacklog(konstruct: Konstruct, wanted: number): Promise<Backlog> {
  let started = 0;
  const waiting = async (): Promise<number> => {
    const { rows } = await konstruct.admin.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM conversation_embeddings WHERE user_id LIKE 'backlog-%' AND role = 'assistant'",
    );
    return started - (rows[0]?.n ?? 0);
  };
  while ((await waiting()) < wanted) {
    const batch = Math.min(STARTED_AT_ONCE * 8, wanted - (await waiting()));
    for (let done = 0; done < batch; done += STARTED_AT_ONCE) {
      const size = Math.min(STARTED_AT_ONCE, batch - done);
      await Promise.all(Array.from({ length: size }, (_, i) => startBackfill(konstruct, started + i)));
      started += size;
    }
  }
  const done = async (): Promise<void> => {
    while ((await waiting()) > 0) await new Promise((resolve) => setTimeout(resolve, 200));
  };
  return { waiting, done };
}

async function startBackfill({ temporal, demo, admin }: Konstruct, i: number): Promise<void> {
  const messageId = randomUUID();
  const { rows } = await admin.query<{ key: Buffer }>('SELECT seal_key AS key FROM tenants WHERE id = $1', [
    demo.tenantId,
  ]);
  const key = rows[0]?.key;
  if (!key) throw new Error('the demo tenant is not there');
  const message: InboundMessage = {
    tenantId: demo.tenantId,
    agentId: demo.agentId,
    userId: `backlog-${i % 50}`,
    messageId,
    channel: { name: 'http' },
    text: `The meeting about project ${i} was moved to the afternoon of day ${i % 365}.`,
    receivedAt: new Date().toISOString(),
    seq: 1,
    turnsAhead: 0,
  };
  const reply = `Noted: the meeting about project ${i} is in the afternoon of day ${i % 365}.`;
  // As after a reply, the message has its embedding already, and the reply has none.
  const embedding = encodeEmbedding(Float32Array.from({ length: 384 }, (_, d) => Math.sin(i + d)));
  const seal = (part: 'reply' | 'embedding', value: string) => sealOf(key, messageId, part, value);
  const input: EmbedAndStoreInput = {
    message,
    reply,
    repliedAt: new Date().toISOString(),
    embedding,
    seals: {
      ...sealMessage(key, message),
      agent: '',
      reply: seal('reply', reply),
      embedding: seal('embedding', embedding),
    },
    appendOwed: false,
  };
  await temporal.workflow.start<typeof EmbedAndStore>('EmbedAndStore', {
    args: [input],
    workflowId: embedAndStoreWorkflowId(demo.tenantId, messageId),
    taskQueue: EMBEDDING_TASK_QUEUE,
  });
}
