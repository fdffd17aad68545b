/** A tenant whose model or channel hangs, or who floods, takes no reply from another; alone it has it all. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { activityInfo } from '@temporalio/activity';
import type { ServerResponse } from 'node:http';
import { unlessAborted } from '../../src/lib/within.ts';
import type { Embedder } from '../../src/memory/embedding/embedder.ts';
import { PLACES } from '../../src/worker/activity-shares.ts';
import { hashEmbedder } from '../support/embeddings.ts';
import { eventually } from '../support/eventually.ts';
import { streamText } from '../support/fake-llm.ts';
import { createTestTenant } from '../support/services.ts';
import { talk } from '../support/slack-talk.ts';
import { startSystem, type System, type SlackSystem } from '../support/system.ts';
import { untilTaken } from '../support/api-client.ts';

jest.setTimeout(240_000);

let system: System | undefined;
afterEach(async () => {
  // What is put off would go on in the next test.
  const workflow = system?.temporal.workflow;
  for await (const { workflowId } of workflow?.list({ query: "ExecutionStatus = 'Running'" }) ?? []) {
    await workflow
      ?.getHandle(workflowId)
      .terminate('the test is over')
      .catch(() => undefined);
  }
  await system?.stop();
});

/** Messages of another tenant, each from a user of its own. */
async function loudTenant(running: System) {
  const loud = await createTestTenant(running.database.pool);
  const headers = { authorization: `Bearer ${loud.apiKey}` };
  const path = `/v1/agents/${loud.agent.id}/messages`;
  const send = (userId: string, text: string) =>
    untilTaken(() => running.request('POST', path, { userId, text }, headers));
  return {
    ...loud,
    async sendMany(n: number, text: string) {
      const messages = Array.from({ length: n }, (_, i) => send(`loud-${i}`, text));
      for (const { status } of await Promise.all(messages)) expect(status).toBe(202);
    },
  };
}

/** A model that keeps silent on texts with the word, until it is let go. */
function hangOn(running: System, word: string) {
  const held: ServerResponse[] = [];
  let isLetGo = false;
  running.llm.answerWith((messages) => {
    const text = messages.at(-1)?.content ?? '';
    if (isLetGo || !text.includes(word)) return `Noted: ${text}`;
    return (res) => void held.push(res);
  });
  return {
    held,
    letGo() {
      isLetGo = true;
      for (const res of held) if (!res.destroyed) streamText(res, 'At last.');
    },
  };
}

const promptsWith = ({ llm }: System, word: string) =>
  llm.prompts.filter((messages) => messages.at(-1)?.content.includes(word)).length;

test('a quiet tenant is answered while 200 calls of another tenant hang, and more wait', async () => {
  system = await startSystem();
  const { held, letGo } = hangOn(system, 'slow');
  const loud = await loudTenant(system);
  await loud.sendMany(220, 'slow');
  await eventually(() => held.length === 200, { timeoutMs: 120_000, what: 'all calls of the loud tenant' });

  for (const text of ['My dog is called Rex.', 'What is my dog called?']) {
    expect(await system.say(text)).toMatchObject({
      status: 200,
      body: { reply: { text: `Noted: ${text}` } },
    });
  }
  expect(held.length).toBe(200);
  letGo();
});

test('alone, a tenant has every call, and what was put off is answered once when there is room', async () => {
  system = await startSystem({ callsAtOnce: 4 });
  const { held, letGo } = hangOn(system, 'slow');
  const loud = await loudTenant(system);
  await loud.sendMany(10, 'slow');
  await eventually(() => held.length === 4, { what: 'the calls that it may make' });
  await system.say('Is anybody there?');
  expect(held.length).toBe(4);

  letGo();
  const { admin } = system.database;
  const done = async () => {
    const query = "SELECT count(*)::int AS n FROM turns WHERE tenant_id = $1 AND state = 'done'";
    const { rows } = await admin.query<{ n: number }>(query, [loud.tenantId]);
    return rows[0]?.n === 10;
  };
  await eventually(done, { timeoutMs: 60_000, what: 'ten answered turns' });
  expect(promptsWith(system, 'slow')).toBe(10);
});

test('a quiet tenant is answered while another’s Slack hangs', async () => {
  const deployment: SlackSystem = await startSystem({ slack: true, callsAtOnce: 4 });
  system = deployment;
  const hang = { kind: 'hang-after-acceptance' } as const;
  deployment.slack.fail('chat.postMessage', ...Array.from({ length: 40 }, () => hang));
  const { slack } = deployment;
  const ada = talk(deployment);
  for (let i = 0; i < 12; i += 1) {
    const { event } = await ada.mention(`question ${i}`);
    expect(
      (await deployment.send({ ...event, user: i % 2 ? slack.people.ada : slack.people.bob })).status,
    ).toBe(200);
  }
  await eventually(() => slack.callsOf('chat.postMessage').length >= 4, { what: 'calls of Slack that hang' });

  const quiet = await createTestTenant(deployment.database.pool);
  const before = slack.callsOf('chat.postMessage').length;
  const headers = { authorization: `Bearer ${quiet.apiKey}`, prefer: 'wait=60' };
  const body = { userId: 'eve', text: 'Good morning.' };
  const answer = await untilTaken(() =>
    deployment.request('POST', `/v1/agents/${quiet.agent.id}/messages`, body, headers),
  );
  expect(answer).toMatchObject({ status: 200, body: { reply: { text: 'Noted: Good morning.' } } });
  // None of the hanging calls had to end for it.
  expect(slack.callsOf('chat.postMessage').length - before).toBeLessThanOrEqual(4);
  slack.heal();
});

test('a reply that was put off is delivered at the first try, without a look for what may stand there', async () => {
  const deployment: SlackSystem = await startSystem({ slack: true, callsAtOnce: 1 });
  system = deployment;
  const { held, letGo } = hangOn(deployment, 'slow');
  const [ada, { slack }] = [talk(deployment), deployment];
  const first = await ada.mention('slow');
  await deployment.send(first.event);
  await eventually(() => held.length === 1, { what: 'the first call' });
  const second = await ada.mention('quick');
  await deployment.send({ ...second.event, user: slack.people.bob });
  const { workflow } = deployment.temporal;
  const isPutOff = async () => {
    for await (const { workflowId } of workflow.list({ query: "ExecutionStatus = 'Running'" })) {
      const { raw } = await workflow.getHandle(workflowId).describe();
      if (raw.pendingActivities?.some(({ attempt }) => (attempt ?? 1) > 1)) return true;
    }
    return false;
  };
  await eventually(isPutOff, { what: 'a turn that is put off' });
  const looksBefore = slack.callsOf('conversations.replies').length;
  letGo();
  expect(await ada.answers(second)).toEqual(['Noted: quick']);
  expect(ada.posts(second)).toHaveLength(1);
  expect(slack.callsOf('conversations.replies').length).toBe(looksBefore);
});

test('a quiet tenant’s message waits for few of another tenant’s 200', async () => {
  system = await startSystem();
  system.llm.answerWith((messages) => `Noted: ${messages.at(-1)?.content}`);
  const loud = await loudTenant(system);
  await loud.sendMany(200, 'flood');
  const before = promptsWith(system, 'flood');
  const { status } = await system.say('Good morning.');
  expect(status).toBe(200);
  expect(promptsWith(system, 'flood') - before).toBeLessThan(60);
});

/** An embedder that lets a tenant's backfills wait until it is let go, and fails the first of another's. */
function slowEmbedder() {
  const letGo = Promise.withResolvers<undefined>();
  /** The turns, by their workflows' ids. */
  const turns = { failedLocally: new Set<string>(), atWork: new Set<string>(), mostAtWork: 0 };
  const failedOnce = new Set<string>();
  let loud = '';
  const real = hashEmbedder();
  const embed: Embedder['embed'] = async (text, request) => {
    const { tenantId, priority, signal } = request;
    if (priority === 'query') return real.embed(text, request);
    if (tenantId !== loud) {
      if (failedOnce.has(text)) return real.embed(text, request);
      failedOnce.add(text);
      throw new Error('the first try is in vain');
    }
    const { isLocal, workflowExecution } = activityInfo();
    const turn = workflowExecution?.workflowId ?? '';
    if (!isLocal) turns.atWork.add(turn);
    turns.mostAtWork = Math.max(turns.mostAtWork, turns.atWork.size);
    try {
      await unlessAborted(letGo.promise, signal);
    } catch (error) {
      if (isLocal) turns.failedLocally.add(turn);
      throw error;
    } finally {
      if (!isLocal) turns.atWork.delete(turn);
    }
    return real.embed(text, request);
  };
  return {
    embedder: { ...real, embed },
    slow: (tenantId: string) => void (loud = tenantId),
    turns,
    letGo: () => letGo.resolve(undefined),
  };
}

test('a quiet tenant’s turn is stored while another’s long texts wait for the model, and so are those in the end', async () => {
  const { embedder, slow, turns, letGo } = slowEmbedder();
  const running = await startSystem({ worker: { embedder: () => embedder } });
  system = running;
  running.llm.answerWith((messages) => messages.at(-1)?.content ?? '');
  const loud = await loudTenant(running);
  slow(loud.tenantId);
  await loud.sendMany(20, 'long');
  const storedOf = (tenantId: string, n: number) => async () => {
    const query = 'SELECT count(*)::int AS n FROM conversation_embeddings WHERE tenant_id = $1';
    const { rows } = await running.database.admin.query<{ n: number }>(query, [tenantId]);
    return rows[0]?.n === n;
  };
  // From here on they wait as activities.
  await eventually(() => turns.failedLocally.size === 20, {
    timeoutMs: 120_000,
    what: 'the end of the first tries',
  });

  expect((await running.say('My dog is called Rex.')).status).toBe(200);
  await eventually(storedOf(running.tenantId, 2), { timeoutMs: 30_000, what: 'the quiet tenant’s turn' });
  expect(turns.mostAtWork).toBe(PLACES.storing);
  letGo();
  await eventually(storedOf(loud.tenantId, 40), { timeoutMs: 60_000, what: 'the loud one’s turns' });
});
