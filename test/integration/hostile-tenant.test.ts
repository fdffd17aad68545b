/** Texts that cost the embedding model most take no memory from another tenant. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { createTestTenant } from '../support/services.ts';
import { startSystem, type System } from '../support/system.ts';

jest.setTimeout(180_000);

let system: System;
beforeAll(async () => {
  system = await startSystem();
  system.llm.answerWith(() => 'Noted.');
});
afterAll(() => system.stop());

const filled = (piece: string) => piece.repeat(Math.floor(32_000 / piece.length));

test.each([
  ['Hangul that decomposes', filled(`${'각'.repeat(33)} `)],
  ['ideographs without spaces', filled('漢字仮名交文')],
  ['base64', filled('QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo')],
  ['one-letter sentences', filled('a. b! ')],
])('sixteen messages of %s', async (name, text) => {
  const loud = await createTestTenant(system.database.pool);
  const attack = await Promise.all(
    Array.from({ length: 16 }, (_, i) =>
      system.request(
        'POST',
        `/v1/agents/${loud.agent.id}/messages`,
        { userId: `invented-${i}`, text },
        { authorization: `Bearer ${loud.apiKey}` },
      ),
    ),
  );
  expect(attack.filter(({ status }) => status === 202).length).toBeGreaterThan(0);

  const userId = `quiet beside ${name}`;
  for (const said of ['My dog is called Rex.', 'I live in Lund.', 'What is my dog called?']) {
    const { status, body } = await system.say(said, { userId });
    expect([status, body['missing'] ?? []]).toEqual([200, []]);
  }
  const stored = async () => {
    const { rows } = await system.database.admin.query<{ n: string }>(
      "SELECT count(*) AS n FROM turns WHERE user_id = $1 AND state = 'done'",
      [userId],
    );
    return Number(rows[0]?.n) === 3;
  };
  await eventually(stored, { timeoutMs: 30_000, what: 'the memories of the quiet tenant' });

  // What is left of the attack would go on for a minute. One that ends by itself meanwhile can't be ended.
  const { workflow } = system.temporal;
  for await (const { workflowId } of workflow.list({ query: "ExecutionStatus = 'Running'" })) {
    await workflow
      .getHandle(workflowId)
      .terminate('the test is over')
      .catch(() => undefined);
  }
});
