/**
 * Splits a reply's time into steps, from Temporal's histories
 * and the stand-in's times, all by one machine's clock.
 */
import { percentile } from '../percentile.ts';
import proto from '@temporalio/proto';
import type { TurnResult } from '../../src/domain/turn.ts';
import type { Konstruct } from './konstruct.ts';
import { type LoadResult } from './load.ts';
import type { StandIn } from './stand-in.ts';

/** Medians in milliseconds by step, in the order of the steps. */
export type Steps = Record<string, number>;

export type TurnTimes = { steps: Steps; backfillLagMs: { p50: number; p95: number } };

const SAMPLE = 60;
const EventType = proto.temporal.api.enums.v1.EventType;

/** Measures the last messages of a run. All their memories must be stored. */
export async function turnTimes(
  konstruct: Konstruct,
  standIn: StandIn,
  load: LoadResult,
): Promise<TurnTimes> {
  const flights = new Map(load.numbers.map((flight) => [flight.number, flight]));
  const { rows } = await konstruct.admin.query<{ workflow_id: string; content: string; lag: number }>(
    `SELECT t.workflow_id, q.content, extract(epoch FROM t.finished_at - a.created_at)::float8 * 1000 AS lag
     FROM turns t
     JOIN conversation_embeddings q ON q.tenant_id = t.tenant_id AND q.exchange_id = t.message_id AND q.role = 'user'
     JOIN conversation_embeddings a ON a.tenant_id = t.tenant_id AND a.exchange_id = t.message_id AND a.role = 'assistant'
     WHERE t.tenant_id = $1 ORDER BY t.received_at DESC LIMIT $2`,
    [konstruct.demo.tenantId, load.messages],
  );
  const samples: Steps[] = [];
  for (const { workflow_id, content } of rows.slice(0, SAMPLE)) {
    const number = Number(/\[m(\d+)\]/.exec(content)?.[1]);
    const flight = flights.get(number);
    const promptedAt = standIn.promptedAt(`[m${number}]`);
    if (flight && promptedAt !== undefined) {
      samples.push(await stepsOf(konstruct, workflow_id, { ...flight, promptedAt }));
    }
  }
  const lags = rows.map(({ lag }) => lag).sort((a, b) => a - b);
  const names = Object.keys(samples[0] ?? {});
  return {
    steps: Object.fromEntries(
      names.map((name) => {
        const values = samples.map((sample) => sample[name] ?? 0).sort((a, b) => a - b);
        return [name, percentile(values, 0.5)];
      }),
    ),
    backfillLagMs: { p50: percentile(lags, 0.5), p95: percentile(lags, 0.95) },
  };
}

async function stepsOf(
  konstruct: Konstruct,
  workflowId: string,
  flight: { sentAt: number; promptedAt: number; arrivedAt: number },
): Promise<Steps> {
  const handle = konstruct.temporal.workflow.getHandle(workflowId);
  const [history, result] = await Promise.all([
    handle.fetchHistory(),
    handle.result() as Promise<TurnResult>,
  ]);
  const timeOf = (type: number): number => {
    const event = (history.events ?? []).find(({ eventType }) => eventType === type);
    return Number(event?.eventTime?.seconds ?? 0) * 1000 + Number(event?.eventTime?.nanos ?? 0) / 1e6;
  };
  const started = timeOf(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED);
  const scheduled = timeOf(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED);
  const completed = timeOf(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED);
  const { window = 0, embed = 0, recall = 0 } = result.timingsMs;
  return {
    'accept and start': started - flight.sentAt,
    'first workflow task': scheduled - started - Math.max(window, embed) - recall,
    'window (beside embed)': window,
    embed,
    recall,
    'prompt → model': flight.promptedAt - scheduled,
    'model → delivered': flight.arrivedAt - flight.promptedAt,
    'append, child, close (after the reply)': Math.max(0, completed - flight.arrivedAt),
  };
}
