import { ApplicationFailure } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Activities } from '../activities/index.ts';
import { FAILURE } from '../domain/failures.ts';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/**
 * An interceptor that derives the product's metrics from each activity's input and result. Labels are steps,
 * outcomes and the models that the operator offers, never tenants, users or messages: the page is open to
 * whoever reaches the port, and each value of a label is a series.
 */
export function createActivityMetrics(
  registry: Registry,
  offered: { model: string; models: readonly string[] },
): ActivityInterceptorsFactory {
  const observe = createObservers(registry, offered);
  const steps = new Histogram({
    name: 'konstruct_step_duration_seconds',
    help: 'Time of one attempt of a step of a turn, by the activity’s name.',
    labelNames: ['step', 'outcome'],
    buckets: SECONDS,
    registers: [registry],
  });
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const step = info.activityType;
        const end = steps.startTimer({ step });
        try {
          const result = await next(input);
          end({ outcome: 'done' });
          if (isObserved(step)) observe[step]({ input: input.args[0], result } as never);
          return result;
        } catch (error) {
          end({ outcome: 'failed' });
          const isPutOff = error instanceof ApplicationFailure && error.type === FAILURE.overShare;
          if (step === 'gatherContext' && !isPutOff) observe.withoutMemory();
          throw error;
        }
      },
    },
  });
}

/** An activity's input and result, as passed to its observer. */
type Observed<Name extends keyof Activities> = {
  input: Parameters<Activities[Name]>[0];
  result: Awaited<ReturnType<Activities[Name]>>;
};

const OBSERVED = ['gatherContext', 'answerTurn', 'storeTurn', 'recordFailedTurn'] as const;
const isObserved = (step: string): step is (typeof OBSERVED)[number] =>
  (OBSERVED as readonly string[]).includes(step);

function createObservers(
  registry: Registry,
  { model: defaultModel, models }: { model: string; models: readonly string[] },
) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter<Label>({ name, help, labelNames, registers });
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, buckets: SECONDS, registers });
  const replies = counter(
    'konstruct_replies_total',
    'Turns that got a reply, and turns that failed permanently.',
    ['outcome'],
  );
  const tokens = counter('konstruct_llm_tokens_total', 'Tokens as the model’s server counted them.', [
    'model',
    'kind',
  ]);
  const recalls = counter(
    'konstruct_recalls_total',
    'Recalls that found something (hit) or nothing (empty).',
    ['outcome'],
  );
  const degraded = counter(
    'konstruct_degraded_turns_total',
    'Turns that went on without a part of memory or delivery.',
    ['missing'],
  );
  const latency = histogram('konstruct_turn_seconds', 'From a message’s acceptance to its reply.');
  const lag = histogram('konstruct_backfill_lag_seconds', 'From a reply to its turn’s storage in memory.');
  return {
    gatherContext({ result }: Observed<'gatherContext'>) {
      for (const missing of result.missing) degraded.inc({ missing });
      if (result.missing.includes('recall')) return;
      recalls.inc({ outcome: result.recalled.length > 0 ? 'hit' : 'empty' });
    },
    answerTurn({ input, result }: Observed<'answerTurn'>) {
      replies.inc({ outcome: 'replied' });
      const { usage } = result;
      if (!usage) return;
      // As asked for: what a server calls itself in its answers is not bounded.
      const asked = input.agent.model ?? defaultModel;
      const model = models.includes(asked) ? asked : 'other';
      tokens.inc({ model, kind: 'prompt' }, usage.promptTokens);
      tokens.inc({ model, kind: 'completion' }, usage.completionTokens);
    },
    storeTurn({ input }: Observed<'storeTurn'>) {
      const repliedAt = Date.parse(input.repliedAt);
      latency.observe(Math.max(0, repliedAt - Date.parse(input.message.receivedAt)) / 1_000);
      lag.observe(Math.max(0, Date.now() - repliedAt) / 1_000);
      if (input.appendOwed) degraded.inc({ missing: 'append' });
    },
    recordFailedTurn() {
      replies.inc({ outcome: 'failed' });
    },
    /** For a `gatherContext` that failed as a whole, for example by its time-out. */
    withoutMemory() {
      for (const missing of ['window', 'recall', 'embedding']) degraded.inc({ missing });
    },
  };
}
