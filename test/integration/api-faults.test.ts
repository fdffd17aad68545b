/** The API's answers while the services that it needs are down. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { updateTenant } from '../../src/db/tenants.ts';
import type { Answer } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { HARMS, startProxy, type Proxy } from '../support/proxy.ts';
import { createTestTenant, databaseUrl, redisUrl, temporalConfig } from '../support/services.ts';
import { startSystem, type System } from '../support/system.ts';

jest.setTimeout(60_000);

let system: System;
let postgres: Proxy;
let temporal: Proxy;
let redis: Proxy;

beforeAll(async () => {
  postgres = await startProxy(databaseUrl());
  temporal = await startProxy(temporalConfig().address);
  redis = await startProxy(redisUrl());
  system = await startSystem({ api: services() });
});
const services = () => ({ postgres, temporal, redis });
afterEach(async () => {
  for (const service of Object.values(services())) service.restore();
  await eventually(async () => (await system.request('GET', '/readyz')).status === 200, {
    timeoutMs: 30_000,
  });
});
afterAll(async () => {
  await system.stop();
  await Promise.all(Object.values(services()).map((service) => service.close()));
});

const send = (userId: string, headers: Record<string, string> = {}, text = 'Hello') =>
  system.postMessage(userId, text, headers);
const expectUnavailable = ({ status, headers, body }: Answer) => {
  expect(status).toBe(503);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(headers.get('content-type')).toMatch('application/problem+json');
  expect(body).toMatchObject({ title: 'Temporarily unavailable', status: 503 });
};

describe('Temporal or Postgres down at the API: 503 with Retry-After; nothing half-done', () => {
  describe.each(HARMS)('%s', (how, harm) => {
    test.each(['postgres', 'temporal'] as const)(
      '%s: repeats of one message are one turn',
      async (service) => {
        const headers = { 'idempotency-key': `key-${randomUUID()}` };
        const userId = `${service}-${how}`;
        harm(services()[service]);
        const refused = await Promise.all(Array.from({ length: 3 }, () => send(userId, headers)));
        refused.forEach(expectUnavailable);
        services()[service].restore();
        const answer = await eventually(
          async () => {
            const again = await send(userId, { ...headers, prefer: 'wait=30' });
            return again.status === 200 && again;
          },
          { timeoutMs: 30_000 },
        );
        expect(answer.body).toMatchObject({ reply: { text: 'Noted: Hello' } });
        const { rows } = await system.database.admin.query('SELECT state FROM turns WHERE user_id = $1', [
          userId,
        ]);
        expect(rows).toHaveLength(1);
        const memory = await system.memoryOf(userId);
        expect(memory.body['window']).toHaveLength(2);
      },
    );
  });
});

test('with Temporal down a 503 does not count against the rate limit, and a message over it still gets a 429', async () => {
  const { agent, apiKey, tenantId } = await createTestTenant(system.database.pool);
  await updateTenant(system.database.operator, tenantId, {
    rateLimits: { user: { burst: 2, perMinute: 1 } },
  });
  const statusOf = async (key: string) => {
    const headers = { authorization: `Bearer ${apiKey}`, 'idempotency-key': key };
    const body = { userId: 'patient', text: key };
    return (await system.request('POST', `/v1/agents/${agent.id}/messages`, body, headers)).status;
  };
  temporal.cut();
  for (let i = 0; i < 3; i += 1) expect(await statusOf('first')).toBe(503);
  temporal.restore();
  await eventually(
    async () => {
      const status = await statusOf('first');
      expect([202, 503]).toContain(status);
      return status === 202;
    },
    { timeoutMs: 30_000 },
  );
  expect(await statusOf('second')).toBe(202);
  expect(await statusOf('third')).toBe(429);
});

describe('a turn that Temporal runs although the API gave up on its start', () => {
  const promptOf = (text: string) => system.llm.prompts.findLast((prompt) => prompt.at(-1)?.content === text);

  /** The state after a late start: the first message waits for the model, and the ledger says `refused`. */
  const startedLate = async (userId: string, offered: string) => {
    let answerLlm = (): void => undefined;
    const held = new Promise<void>((resolve) => (answerLlm = resolve));
    system.llm.answerWith((messages) => async (res) => {
      if (messages.at(-1)?.content === 'First') await held;
      streamText(res, noted(messages));
    });
    await send(userId, {}, 'First');
    await eventually(async () => promptOf('First') !== undefined);
    await system.database.admin.query(
      `UPDATE turns SET state = 'refused', offered_at = now() - $2::interval WHERE user_id = $1`,
      [userId, offered],
    );
    return answerLlm;
  };

  test('still precedes the next turn, which waits for it and sees it', async () => {
    const answerFirst = await startedLate('late-start', '1 minute');
    const second = await send('late-start', {}, 'Second');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(promptOf('Second')).toBeUndefined();
    answerFirst();
    await eventually(async () => {
      const { body } = await system.request('GET', `/v1/messages/${String(second.body['messageId'])}`);
      return body['state'] === 'done';
    });
    expect(promptOf('Second')?.map(({ content }) => content)).toEqual(
      expect.arrayContaining(['First', 'Noted: First', 'Second']),
    );
  });

  test('is not waited for when its start can no longer arrive', async () => {
    const answerFirst = await startedLate('refused-long-ago', '1 hour');
    const second = await send('refused-long-ago', { prefer: 'wait=20' }, 'Second');
    expect(second).toMatchObject({ status: 200, body: { reply: { text: 'Noted: Second' } } });
    answerFirst();
  });
});

describe.each(HARMS)('when it is %s,', (how, harm) => {
  test('redis: messages are accepted and answered', async () => {
    harm(redis);
    const answer = await send(`redis-${how}`, { prefer: 'wait=30' });
    expect(answer).toMatchObject({ status: 200, body: { reply: { text: 'Noted: Hello' } } });
  });

  test('postgres: many requests of one tenant at once are told that it is away, and not that they are many', async () => {
    harm(postgres);
    const path = `/v1/messages/${randomUUID()}`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, nth) =>
        nth % 2 === 0 ? send(`many-${how}`) : system.request('GET', path),
      ),
    );
    answers.forEach(expectUnavailable);
  });

  test('/readyz answers 503 and names the missing services', async () => {
    for (const [name, service] of Object.entries(services())) {
      harm(service);
      const missing = name === 'temporal' ? ['temporal', 'worker'] : [name];
      // The answer is kept for a moment, and a connection that was cut before may just be coming back.
      await eventually(async () => {
        const { status, body } = await system.request('GET', '/readyz');
        return status === 503 && String(body['missing']) === String(missing);
      });
      expect((await system.request('GET', '/healthz')).status).toBe(200);
      service.restore();
      await eventually(async () => (await system.request('GET', '/readyz')).status === 200, {
        timeoutMs: 30_000,
      });
    }
  });

  test('a sender who is waiting when Temporal fails gets 202, not an error that would make it send again', async () => {
    const userId = `waiting-${how}`;
    let answerLlm = (): void => undefined;
    const held = new Promise<void>((resolve) => (answerLlm = resolve));
    system.llm.answerWith((messages) => async (res) => {
      await held;
      streamText(res, noted(messages));
    });
    const waiting = send(userId, { prefer: 'wait=4' }, userId);
    await eventually(async () => system.llm.prompts.at(-1)?.at(-1)?.content === userId);
    harm(temporal);
    const answer = await waiting.finally(answerLlm);
    expect(answer.status).toBe(202);
    const { messageId } = answer.body;
    // While Temporal is down, the API can't know more than that the message is accepted.
    const meanwhile = await system.request('GET', `/v1/messages/${String(messageId)}`);
    expect(meanwhile).toMatchObject({ status: 200, body: { state: 'accepted' } });
    temporal.restore();
    system.llm.answerWith(noted);
    await eventually(
      async () => {
        const { body } = await system.request('GET', `/v1/messages/${String(messageId)}`);
        return body['state'] === 'done';
      },
      { timeoutMs: 30_000 },
    );
  });
});
