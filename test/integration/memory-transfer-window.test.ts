/** What else of a memory goes along: the window, and what other programs have stored. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Scope } from '../../src/domain/conversation.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { appendTurn, getWindow } from '../../src/memory/window/window.ts';
import { axis } from '../support/embeddings.ts';
import { memoryOf } from '../support/memory.ts';
import { startSystem, type System } from '../support/system.ts';
import { emptyPlace, exported, imported, linesOf, textsOf, type Place } from '../support/transfer.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

const memory = (scope: Scope) => memoryOf({ ...system, pool: system.database.pool }, scope);
const newPlace = () => emptyPlace(system.database.pool);
const exportOf = ({ caller, scope }: Place) => exported(system, caller, scope.userId);
const importInto = ({ caller, scope }: Place, file: string) => imported(system, caller, scope.userId, file);

describe('the window', () => {
  const turn = (seq: number, messageId: string = randomUUID()) => ({
    seq,
    messageId,
    userText: `question ${seq}`,
    replyText: `answer ${seq}`,
  });

  test('goes along, and its exchanges are recalled once', async () => {
    const old = await newPlace();
    const [told] = await memory(old.scope).tell({ user: 'I am allergic to peanuts.', reply: 'Noted.' });
    const own = { userText: 'I am allergic to peanuts.', replyText: 'Noted.' };
    await appendTurn(system.redis, old.scope, { ...turn(1, told?.messageId), ...own });
    const fresh = await newPlace();
    await importInto(fresh, await exportOf(old));
    const window = await getWindow(system.redis, fresh.scope);
    expect(window.map(({ content }) => content)).toEqual([own.userText, own.replyText]);
    const { rows } = await system.database.admin.query<{ exchange_id: string }>(
      'SELECT DISTINCT exchange_id FROM conversation_embeddings WHERE tenant_id = $1',
      [fresh.scope.tenantId],
    );
    expect(rows).toEqual([{ exchange_id: window[0]?.messageId }]);
  });

  test('of a conversation that goes on stays as it is', async () => {
    const [old, fresh] = [await newPlace(), await newPlace()];
    await appendTurn(system.redis, old.scope, turn(1));
    await appendTurn(system.redis, fresh.scope, turn(7));
    await importInto(fresh, await exportOf(old));
    const window = await getWindow(system.redis, fresh.scope);
    expect(window.map(({ content }) => content)).toEqual(['question 7', 'answer 7']);
  });
});

test('messages that another program has stored go along, several of one role in an exchange too', async () => {
  const [old, fresh] = [await newPlace(), await newPlace()];
  const exchangeId = randomUUID();
  const stored = [
    { role: 'user', content: 'one', at: 1 },
    { role: 'assistant', content: 'two', at: 2 },
    { role: 'user', content: 'three', at: 3 },
  ] as const;
  for (const { at, ...message } of stored) {
    const embedding = axis(at);
    const createdAt = new Date(Date.UTC(2026, 0, at));
    await storeEmbedding(system.database.pool, {
      ...old.scope,
      ...message,
      exchangeId,
      embedding,
      createdAt,
    });
  }
  await importInto(fresh, await exportOf(old));
  const texts = linesOf(await exportOf(fresh)).flatMap(({ messages }) => textsOf(messages) ?? []);
  expect(texts.toSorted()).toEqual(['one', 'three', 'two']);
});
