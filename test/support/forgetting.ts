/** A system whose people are forgotten, and what the tests of that ask of it. */
import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ErasureReceipt } from '../../src/domain/erasure.ts';
import type { Answer } from './api-client.ts';
import { eventually } from './eventually.ts';
import type { Stores } from './every-store.ts';
import { noted, type LlmAnswer } from './fake-llm.ts';
import { liftUserLimit, startSystem, type System, type SystemOptions } from './system.ts';

export const somebody = () => `user-${randomUUID()}`;
export const word = () => `word${randomUUID().replaceAll('-', '')}`;

/** The system holds its turns for 3 s, and texts in `held` are not embedded for memory before they may be. */
export async function startForgetting(options: SystemOptions = {}) {
  const held = new Map<string, Promise<void>>();
  const started = await startSystem({
    holdFollowersMs: 3_000,
    ...options,
    worker: {
      ...options.worker,
      embedder: (real) => ({
        ...real,
        embed: async (text, request) => {
          await (request.priority === 'backfill' ? held.get(text) : undefined);
          return real.embed(text, request);
        },
      }),
    },
  });
  const system: System & { admin: Stores['admin'] } = { ...started, admin: started.database.admin };
  await liftUserLimit(system);

  const memoryPath = (userId: string, exchangeId = '') =>
    `/v1/agents/${system.agent.id}/users/${userId}/memory${exchangeId && `/${exchangeId}`}`;
  const receiptOf = async (erasureId: unknown): Promise<ErasureReceipt> =>
    (await system.request('GET', `/v1/erasures/${String(erasureId)}`)).body as unknown as ErasureReceipt;

  return {
    system,
    memoryPath,
    receiptOf,
    /** Keeps a text from being remembered until the result is called. */
    holdBackfill(text: string): () => void {
      let release: () => void = () => undefined;
      held.set(text, new Promise<void>((resolve) => (release = resolve)));
      return release;
    },
    forget: (userId: string, exchangeId = '', prefer = 'wait') =>
      system.request('DELETE', memoryPath(userId, exchangeId), undefined, { prefer }),
    /** The receipt, however long the server takes to delete. */
    async finished({ body, status }: Pick<Answer, 'body' | 'status'>): Promise<ErasureReceipt> {
      expect([200, 202]).toContain(status);
      return eventually(
        async () => {
          const receipt = await receiptOf(body['erasureId']);
          return receipt.finishedAt !== null && receipt;
        },
        { timeoutMs: 200_000, what: 'the receipt' },
      );
    },
    async stored(userId: string, memories: number): Promise<void> {
      await eventually(
        async () => ((await system.memoryOf(userId)).body['memories'] as unknown[]).length === memories,
      );
    },
    async stateOf(messageId: unknown) {
      const { rows } = await system.database.admin.query<{ state: string; user_id: string }>(
        'SELECT state, user_id FROM turns WHERE message_id = $1',
        [messageId],
      );
      return rows[0];
    },
    /** Lets the model answer these texts only when the result is called. */
    heldAnswers(texts: readonly string[]): () => void {
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      const later =
        (text: string): LlmAnswer =>
        async (res) => {
          await released;
          res.writeHead(200, { 'content-type': 'application/json' });
          res.end(
            JSON.stringify({ choices: [{ message: { role: 'assistant', content: `Late: ${text}` } }] }),
          );
        };
      system.llm.answerWith((messages) => {
        const text = messages.at(-1)?.content ?? '';
        return texts.includes(text) ? later(text) : noted(messages);
      });
      return release;
    },
    /** The prompt whose question this was. */
    promptOf: (asked: string) => system.llm.prompts.find((messages) => messages.at(-1)?.content === asked),
    /** Keeps an erasure from deleting this user's memories until the result is called. */
    async blockMemories(userId: string): Promise<() => Promise<void>> {
      const blocker = await system.admin.connect();
      await blocker.query('BEGIN');
      await blocker.query('SELECT FROM conversation_embeddings WHERE user_id = $1 FOR UPDATE', [userId]);
      return async () => {
        await blocker.query('ROLLBACK');
        blocker.release();
      };
    },
  };
}
