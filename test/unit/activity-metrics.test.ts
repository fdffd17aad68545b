import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { createActivityMetrics } from '../../src/observability/activity-metrics.ts';

const usage = { promptTokens: 11, completionTokens: 7 };

/** Runs one answered turn through the metrics. */
async function answer(
  registry: Registry,
  intercept: ReturnType<typeof createActivityMetrics>,
  model: string | null,
) {
  const { inbound } = intercept({ info: { activityType: 'answerTurn' } } as never);
  const input = { args: [{ agent: { tenantId: 'a-tenant', model } }], headers: {} };
  await inbound?.execute?.(input, () =>
    Promise.resolve({ text: 'Hi.', model: 'what-the-server-says', usage }),
  );
  return registry.metrics();
}

test('labels are the models that the operator offers, else "other", and no tenant', async () => {
  const registry = new Registry();
  const intercept = createActivityMetrics(registry, { model: 'default', models: ['default', 'large'] });
  for (const model of [null, 'large', 'invented-1', 'invented-2']) await answer(registry, intercept, model);
  const metrics = await registry.metrics();
  const labels = [...metrics.matchAll(/konstruct_llm_tokens_total\{model="([^"]+)",kind="prompt"\} (\d+)/g)];
  expect(labels.map(([, model, n]) => [model, n])).toEqual([
    ['default', '11'],
    ['large', '11'],
    ['other', '22'],
  ]);
  expect(metrics).not.toContain('a-tenant');
  expect(metrics).not.toContain('what-the-server-says');
});
