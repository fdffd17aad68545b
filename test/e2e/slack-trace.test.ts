import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { orphans, pathUp, startCollector, traceOf, type Collector } from '../support/otlp-collector.ts';
import { createProcesses, type SlackProcesses } from '../support/processes.ts';
import { talk } from '../support/slack-talk.ts';

jest.setTimeout(120_000);

let processes: SlackProcesses;
let collector: Collector;
beforeAll(async () => {
  [processes, collector] = await Promise.all([createProcesses({ slack: true }), startCollector()]);
  await processes.startBoth({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '200',
  });
});
afterAll(async () => {
  await processes.close();
  await collector.close();
});

test('one event from Slack is one connected trace, from the request to the stored memory', async () => {
  const ada = talk(processes);
  const said = await ada.mention('my daughter plays the cello');
  await processes.send(said.event);
  expect(await ada.answers(said)).toEqual(['Noted: my daughter plays the cello']);

  const tree = await eventually(async () => {
    const spans = traceOf(collector, 'POST /slack/events');
    const stored = spans.some(({ name }) => name === 'RunActivity:storeTurn');
    return stored && orphans(spans).length === 0 ? spans : undefined;
  });
  expect(tree.filter(({ parentSpanId }) => !parentSpanId)).toHaveLength(1);
  expect(new Set(tree.map(({ service }) => service))).toEqual(new Set(['konstruct-api', 'konstruct-worker']));
  const fromRequestTo = (name: string) =>
    pathUp(
      tree,
      tree.find((span) => span.name === name),
    )
      .filter((step) => !step.startsWith('Start'))
      .toReversed();
  expect(fromRequestTo('RunActivity:answerTurn')).toEqual([
    'POST /slack/events',
    'RunWorkflow:HandleMessage',
    'RunActivity:answerTurn',
  ]);
  expect(fromRequestTo('RunActivity:storeTurn')).toEqual([
    'POST /slack/events',
    'RunWorkflow:HandleMessage',
    'RunWorkflow:EmbedAndStore',
    'RunActivity:storeTurn',
  ]);
  expect(collector.bodies.join('\n')).not.toContain('cello');
});
