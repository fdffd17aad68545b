/** Extracts from a history the steps of one workflow in order, and for a turn its input and output. */
import {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
  loadDataConverter,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { SerializationContext } from '@temporalio/common';
import type { Payload } from '@temporalio/common/lib/proto-utils.js';
import type { KeyRing } from '../config/index.ts';
import type { PromptMessage } from '../domain/conversation.ts';
import type { GatheredContext, TurnAnswer, HandleMessageInput, TurnResult } from '../domain/turn.ts';
import { dataConverter } from './data-converter.ts';
import { contextOf, localActivityData, type HistoryEvent as Event, type RecordedHistory } from './history.ts';

/** An activity, timer, child workflow, signal or marker of the workflow. */
export type Step = {
  eventId: number;
  /** Since the workflow's start. */
  atMs: number;
  name: string;
  summary: string;
  state: 'done' | 'failed' | 'open' | 'noted';
  /** From scheduling to end, retries included; undefined for steps without a duration. */
  durationMs?: number;
  attempts: number;
  /** The error of the last failed attempt. */
  failure?: string;
};

export type Story = {
  type: string;
  workflowId: string;
  summary: string;
  startedAt: Date;
  state: 'completed' | 'failed' | 'open' | 'closed';
  durationMs: number;
  failure?: string;
  events: number;
  steps: Step[];
  /** The workflow's first argument. */
  input: unknown;
  result: unknown;
  /** Only of workflow `HandleMessage`. */
  turn?: Turn;
};

export type Turn = HandleMessageInput & {
  context?: GatheredContext;
  prompt?: PromptMessage[];
  reply?: TurnAnswer;
  result?: TurnResult;
};

/** What reads a history: payloads of the workflow's own tenant alone. */
type Converter = ReturnType<typeof loadDataConverter> & {
  mayTell: (failureType: string) => boolean;
  of: SerializationContext;
};

/**
 * Reads a history; payloads are decoded with the worker's data converter. Throws when the history has no
 * start, or something in it can't be read with these keys, or is another tenant's. Of a failure whose type
 * may not be told, the type stands alone: its message may hold what is the deployment's own.
 */
export async function readStory(
  { workflowId, history }: RecordedHistory,
  keys: KeyRing,
  mayTell: Converter['mayTell'] = () => true,
): Promise<Story> {
  const converter = { ...loadDataConverter(dataConverter(keys)), mayTell, of: contextOf(workflowId) };
  const events = history.events ?? [];
  const [first] = events;
  const started = first?.workflowExecutionStartedEventAttributes;
  if (!first || !started) throw new Error("the history doesn't begin with a WorkflowExecutionStarted event");
  const startMs = toMs(first.eventTime);
  const last = events.at(-1) ?? first;
  const steps = await readSteps(converter, events, startMs);
  const completed = last.workflowExecutionCompletedEventAttributes;
  const failed = last.workflowExecutionFailedEventAttributes;
  const [input] = await decodeArrayFromPayloads(converter, started.input?.payloads, converter.of);
  const result = await decodeFirst(converter, completed?.result?.payloads);
  const type = started.workflowType?.name ?? '';
  const failure = await describeFailure(converter, failed?.failure);
  return {
    type,
    workflowId,
    summary: await summaryOf(converter, first),
    startedAt: new Date(startMs),
    state: completed ? 'completed' : failed ? 'failed' : isClosed(last) ? 'closed' : 'open',
    durationMs: toMs(last.eventTime) - startMs,
    ...(failure !== undefined && { failure }),
    events: events.length,
    steps,
    input,
    result,
    ...(type === 'HandleMessage' && { turn: await readTurn(converter, input, result, events) }),
  };
}

/** The event with which an activity that was scheduled has succeeded. */
const completionOf = (scheduled: Event | undefined, events: readonly Event[]): Event | undefined =>
  events.find(
    ({ activityTaskCompletedEventAttributes: done }) =>
      done && scheduled && Number(done.scheduledEventId) === Number(scheduled.eventId),
  );

async function readTurn(
  converter: Converter,
  input: unknown,
  result: unknown,
  events: readonly Event[],
): Promise<Turn> {
  const scheduled = events.findLast((event) => activityTypeOf(event) === 'answerTurn');
  const completed = completionOf(scheduled, events);
  const gathered = events.find((event) => localActivityData(event)?.activity_type === 'gatherContext');
  // Of a turn that had to wait for another it is no local one.
  const inTurn = completionOf(
    events.find((event) => activityTypeOf(event) === 'gatherContext'),
    events,
  );
  const request = (await decodeFirst(
    converter,
    scheduled?.activityTaskScheduledEventAttributes?.input?.payloads,
  )) as { messages: PromptMessage[] } | undefined;
  const context = await decodeFirst(
    converter,
    gathered?.markerRecordedEventAttributes?.details?.['result']?.payloads ??
      inTurn?.activityTaskCompletedEventAttributes?.result?.payloads,
  );
  const reply = await decodeFirst(
    converter,
    completed?.activityTaskCompletedEventAttributes?.result?.payloads,
  );
  return {
    ...(input as HandleMessageInput),
    ...(context !== undefined && { context: context as GatheredContext }),
    ...(request && { prompt: request.messages }),
    ...(reply !== undefined && { reply: reply as TurnAnswer }),
    ...(result !== undefined && { result: result as TurnResult }),
  };
}

async function readSteps(converter: Converter, events: readonly Event[], startMs: number): Promise<Step[]> {
  const steps = new Map<number, Step>();
  for (const event of events) {
    const started = await startStep(converter, event, startMs);
    if (started) steps.set(started.eventId, started);
    const ended = endOf(event);
    const step = ended && steps.get(ended.startedBy);
    if (!ended || !step) continue;
    if (ended.attempt) step.attempts = ended.attempt;
    const failure = await describeFailure(converter, ended.failure);
    if (failure !== undefined) step.failure = failure;
    if (!ended.state) continue;
    step.state = ended.state;
    step.durationMs = toMs(event.eventTime) - startMs - step.atMs;
  }
  return [...steps.values()];
}

async function startStep(converter: Converter, event: Event, startMs: number): Promise<Step | undefined> {
  const name = nameOf(event);
  if (name === undefined) return undefined;
  const marker = event.markerRecordedEventAttributes;
  const failure = await describeFailure(converter, marker?.failure);
  return {
    eventId: Number(event.eventId),
    atMs: toMs(event.eventTime) - startMs,
    name,
    summary: await summaryOf(converter, event),
    state: failure !== undefined ? 'failed' : marker || isSignal(event) ? 'noted' : 'open',
    attempts: localActivityData(event)?.attempt ?? 1,
    ...(failure !== undefined && { failure }),
  };
}

function nameOf(event: Event): string | undefined {
  const signalled = event.workflowExecutionSignaledEventAttributes;
  const signals = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
  const marker = event.markerRecordedEventAttributes?.markerName;
  return (
    activityTypeOf(event) ??
    localActivityData(event)?.activity_type ??
    (event.timerStartedEventAttributes && 'timer') ??
    event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowType?.name ??
    (signals && `signal ${signals.signalName} to ${signals.workflowExecution?.workflowId}`) ??
    (signalled && `signal ${signalled.signalName} received`) ??
    (marker && `marker ${marker}`) ??
    undefined
  );
}

function isSignal(event: Event): boolean {
  return Boolean(event.workflowExecutionSignaledEventAttributes);
}

function activityTypeOf(event: Event): string | undefined {
  return event.activityTaskScheduledEventAttributes?.activityType?.name ?? undefined;
}

type StepEnd = {
  startedBy: number;
  state?: 'done' | 'failed';
  attempt?: number | null | undefined;
  failure?: Parameters<typeof decodeOptionalFailureToOptionalError>[1];
};

/** The news that an event has about a step that an earlier event started. */
function endOf(event: Event): StepEnd | undefined {
  const activityStarted = event.activityTaskStartedEventAttributes;
  if (activityStarted) {
    const { scheduledEventId, attempt, lastFailure } = activityStarted;
    return { startedBy: Number(scheduledEventId), attempt, failure: lastFailure };
  }
  const done = event.activityTaskCompletedEventAttributes;
  if (done) return { startedBy: Number(done.scheduledEventId), state: 'done' };
  const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
  if (failed) {
    return { startedBy: Number(failed.scheduledEventId), state: 'failed', failure: failed.failure };
  }
  const timer = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
  if (timer) return { startedBy: Number(timer.startedEventId), state: 'done' };
  const child =
    event.childWorkflowExecutionStartedEventAttributes ??
    event.externalWorkflowExecutionSignaledEventAttributes;
  if (child) return { startedBy: Number(child.initiatedEventId), state: 'done' };
  const refused =
    event.startChildWorkflowExecutionFailedEventAttributes ??
    event.signalExternalWorkflowExecutionFailedEventAttributes;
  return refused ? { startedBy: Number(refused.initiatedEventId), state: 'failed' } : undefined;
}

function isClosed(event: Event): boolean {
  return Boolean(
    event.workflowExecutionTerminatedEventAttributes ??
    event.workflowExecutionCanceledEventAttributes ??
    event.workflowExecutionTimedOutEventAttributes,
  );
}

async function describeFailure(
  converter: Converter,
  failure: StepEnd['failure'],
): Promise<string | undefined> {
  const error = await decodeOptionalFailureToOptionalError(converter, failure, converter.of);
  const lines: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const type = 'type' in at && typeof at.type === 'string' ? at.type : at.name;
    lines.push(converter.mayTell(type) ? `${type}: ${at.message}` : type);
  }
  return lines.length > 0 ? lines.join(' ← ') : undefined;
}

async function decodeFirst(converter: Converter, payloads: Payload[] | null | undefined): Promise<unknown> {
  const [value] = await decodeArrayFromPayloads(converter, payloads, converter.of);
  return value ?? undefined;
}

async function summaryOf(converter: Converter, { userMetadata }: Event): Promise<string> {
  const summary = await decodeFirst(converter, userMetadata?.summary ? [userMetadata.summary] : []);
  return typeof summary === 'string' ? summary : '';
}

/** The SDK's own conversion needs Longs, which a history from a file doesn't have. */
function toMs(time: Event['eventTime']): number {
  return Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1_000_000;
}
