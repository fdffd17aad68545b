/** A turn always ends, the ledger always learns of it, and whoever got no reply may ask once more. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { enterTurn, findTurn } from '../../src/db/ledger.ts';
import { updateTenant } from '../../src/db/tenants.ts';
import { embedAndStoreWorkflowId } from '../../src/domain/ids.ts';
import { REPLY_NOT_KEPT } from '../../src/domain/words.ts';
import { createAcceptMessage } from '../../src/intake/accept-message.ts';
import { createPace } from '../../src/intake/pace.ts';
import { settleTurn } from '../../src/intake/settle-turn.ts';
import { DEFAULT_LIMITS } from '../support/accepted-message.ts';
import { eventually } from '../support/eventually.ts';
import { noted, type LlmAnswer } from '../support/fake-llm.ts';
import { encryptionConfig } from '../support/services.ts';
import { liftUserLimit, startSystem, type System } from '../support/system.ts';

/** The model that says nothing, and what lets it end. */
const silent: LlmAnswer = (res) =>
  void res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();

let system: System;
beforeAll(async () => {
  system = await startSystem({ holdFollowersMs: 3_000 });
  await liftUserLimit(system);
});
afterEach(() => system.llm.answerWith(noted));
afterAll(() => system.stop());

type Sent = { messageId: string; workflowId: string };
async function post(userId: string, text: string): Promise<Sent> {
  const { status, body } = await system.postMessage(userId, text);
  expect(status).toBe(202);
  return { messageId: String(body['messageId']), workflowId: String(body['workflowId']) };
}
const handleOf = ({ workflowId }: Sent) => system.temporal.workflow.getHandle(workflowId);
const get = async ({ messageId }: Sent) => (await system.request('GET', `/v1/messages/${messageId}`)).body;
const retry = ({ messageId }: Sent) =>
  system.request('POST', `/v1/messages/${messageId}/retry`, undefined, { prefer: 'wait=60' });
const ledgerState = async ({ messageId }: Sent) =>
  (await findTurn(system.database.pool, system.tenantId, messageId))?.state;
/** Resolves once the model has been asked for this text. */
const asked = (text: string) =>
  eventually(async () => system.llm.prompts.some((prompt) => prompt.at(-1)?.content === text), {
    what: text,
  });

/** A client whose starts run for a second at most. */
function hurried(client: Client): Client {
  const start: Client['workflow']['start'] = (type, options) =>
    client.workflow.start(type, { ...options, workflowExecutionTimeout: '1s' });
  const workflow = Object.create(client.workflow, { start: { value: start } }) as Client['workflow'];
  return Object.create(client, { workflow: { value: workflow } }) as Client;
}

/** Ways in which a turn ends that lives on no worker any more, each while the model is asked. */
const ENDS: Record<string, (userId: string, text: string) => Promise<Sent>> = {
  terminated: async (userId, text) => {
    const sent = await post(userId, text);
    await asked(text);
    await handleOf(sent).terminate('by an operator');
    return sent;
  },
  cancelled: async (userId, text) => {
    const sent = await post(userId, text);
    await asked(text);
    await handleOf(sent).cancel();
    return sent;
  },
  'timed out': async (userId, text) => {
    const nothing = async () => undefined;
    const rateLimiter = { count: nothing, uncount: nothing, countRead: nothing };
    const { pool } = system.database;
    const temporal = hurried(system.temporal);
    const accept = createAcceptMessage({
      pool,
      temporal,
      encryption: encryptionConfig(),
      redis: system.redis,
      limits: DEFAULT_LIMITS,
      rateLimiter,
      pace: createPace(),
    });
    const message = { tenantId: system.tenantId, agentId: system.agent.id, userId, text };
    const outcome = await accept({
      ...message,
      channel: { name: 'http' },
      threadId: undefined,
      dedupeKey: undefined,
    });
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
    return outcome.turn;
  },
};

describe.each(Object.entries(ENDS))('a turn that is %s', (how, end) => {
  test('is failed for whoever looks, and answered by a retry, once', async () => {
    const userId = `ends-${randomUUID()}`;
    system.llm.answerWith(() => silent);
    const sent = await end(userId, `never answered, ${how}`);
    await expect(handleOf(sent).result()).rejects.toThrow();
    expect(await get(sent)).toMatchObject({
      state: 'failed',
      reply: { text: expect.stringMatching(/^Sorry/) },
    });
    expect(await ledgerState(sent)).toBe('failed');

    system.llm.answerWith(noted);
    expect((await retry(sent)).body).toMatchObject({ state: 'done' });
    await eventually(async () => (await ledgerState(sent)) === 'done');
    expect((await retry(sent)).status).toBe(409);
    expect((await system.memoryOf(userId)).body).toMatchObject({
      window: [{ role: 'user' }, { role: 'assistant' }],
      memories: [{ role: 'assistant' }, { role: 'user' }],
    });
  });

  test('can be retried without being looked at before', async () => {
    system.llm.answerWith(() => silent);
    const sent = await end(`ends-${randomUUID()}`, `not looked at, ${how}`);
    await expect(handleOf(sent).result()).rejects.toThrow();
    system.llm.answerWith(noted);
    expect((await retry(sent)).body).toMatchObject({ state: 'done' });
  });
});

describe('those who wait for a turn that is terminated', () => {
  test('go on, and the ledger learns of its end from the next message', async () => {
    const userId = `waits-${randomUUID()}`;
    system.llm.answerWith((messages) => (messages.at(-1)?.content === 'stuck' ? silent : noted(messages)));
    const stuck = await post(userId, 'stuck');
    await asked('stuck');
    const followers = await Promise.all([post(userId, 'second'), post(userId, 'third')]);
    // They have asked it to tell them.
    const signals = async () =>
      ((await handleOf(stuck).fetchHistory()).events ?? []).filter(
        (event) => event.workflowExecutionSignaledEventAttributes,
      );
    await eventually(async () => (await signals()).length > 0);
    await handleOf(stuck).terminate();
    for (const follower of followers) {
      await handleOf(follower).result();
      await eventually(async () => (await ledgerState(follower)) === 'done');
    }
    const next = await post(userId, 'the next one');
    await handleOf(next).result();
    expect(await ledgerState(stuck)).toBe('failed');
  });

  test('so do those of one that is terminated while it waits itself', async () => {
    const userId = `waits-${randomUUID()}`;
    system.llm.answerWith((messages) => (messages.at(-1)?.content === 'held' ? silent : noted(messages)));
    const held = await post(userId, 'held');
    await asked('held');
    const waiting = await post(userId, 'waits and is terminated');
    const last = await post(userId, 'last');
    await handleOf(waiting).terminate();
    await handleOf(last).result();
    expect(await get(waiting)).toMatchObject({ state: 'failed' });
    system.llm.answerWith(noted);
    expect((await retry(waiting)).body).toMatchObject({ state: 'done' });
    await handleOf(held).terminate();
  });
});

describe('what the ledger is told of an end', () => {
  /** A turn in the ledger whose workflows nobody works on. */
  async function entered() {
    const scope = { tenantId: system.tenantId, agentId: system.agent.id, userId: randomUUID() };
    const found = await enterTurn(system.database.pool, {
      ...scope,
      dedupeKey: undefined,
      text: 'x',
      threadId: undefined,
    });
    if (!('turn' in found)) throw new Error(found.outcome);
    const start = (workflowId: string) =>
      system.temporal.workflow.start('Nobody', { workflowId, taskQueue: 'nobody', args: [] });
    return {
      turn: found.turn,
      start,
      childId: embedAndStoreWorkflowId(system.tenantId, found.turn.messageId),
    };
  }
  const settle = (turn: Parameters<typeof settleTurn>[2]) =>
    settleTurn({ pool: system.database.pool, temporal: system.temporal }, system.tenantId, turn);

  test('nothing while the turn runs', async () => {
    const { turn, start } = await entered();
    const run = await start(turn.workflowId);
    expect(await settle(turn)).toBe('accepted');
    await run.terminate();
    expect(await settle(turn)).toBe('failed');
    expect(await ledgerState(turn)).toBe('failed');
  });

  test('a reply that is being remembered is no failure, whatever became of its turn', async () => {
    const { turn, start, childId } = await entered();
    const run = await start(turn.workflowId);
    const child = await start(childId);
    await run.terminate();
    expect(await settle(turn)).toBe('accepted');
    expect((await retry(turn)).status).toBe(409);
    await child.terminate();
    expect(await settle(turn)).toBe('done');
    expect(await get(turn)).toMatchObject({ state: 'done', reply: { text: REPLY_NOT_KEPT } });
    expect((await retry(turn)).status).toBe(409);
  });

  test('a reply that neither Temporal nor memory keeps any more is said to be so', async () => {
    const { turn } = await entered();
    await system.database.admin.query(`UPDATE turns SET state = 'done' WHERE message_id = $1`, [
      turn.messageId,
    ]);
    const reply = { text: REPLY_NOT_KEPT };
    expect(await get(turn)).toMatchObject({ state: 'done', reply, memory: null });
  });

  test('a turn that Temporal never had is to be sent again, once its start can’t arrive any more', async () => {
    const { turn } = await entered();
    expect(await settle(turn)).toBe('accepted');
    await system.database.admin.query(
      `UPDATE turns SET offered_at = now() - interval '11 minutes' WHERE message_id = $1`,
      [turn.messageId],
    );
    expect(await get(turn)).toMatchObject({ state: 'refused' });
    expect(await retry(turn)).toMatchObject({ status: 409, body: { title: 'Too old' } });
  });
});

test('retries count against the limit; what is refused for another reason does not', async () => {
  const { operator } = system.database;
  const userId = `counted-${randomUUID()}`;
  system.llm.answerWith(() => (res) => void res.writeHead(400).end('{}'));
  const sent = await post(userId, 'refused every time');
  await eventually(async () => (await ledgerState(sent)) === 'failed');
  const { rateLimits } = (await updateTenant(operator, system.tenantId, {
    rateLimits: { user: { burst: 3, perMinute: 1 } },
  })) ?? { rateLimits: undefined };
  expect(rateLimits?.user.burst).toBe(3);
  // The API reads the limits again within five seconds.
  await eventually(
    async () => {
      const other = `probe-${randomUUID()}`;
      const answers = await Promise.all([1, 2, 3, 4].map((n) => system.postMessage(other, `probe ${n}`)));
      return answers.some(({ status }) => status === 429);
    },
    { timeoutMs: 20_000 },
  );
  const statuses: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    statuses.push((await retry(sent)).status);
    await eventually(async () => (await ledgerState(sent)) === 'failed');
  }
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(6);
  await liftUserLimit(system);
});
