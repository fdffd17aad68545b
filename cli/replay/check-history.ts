/** Checks whether the current code still replays a history. */
import { fileURLToPath } from 'node:url';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import {
  Worker,
  type InjectedSinks,
  type ReplayWorkerOptions,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { KeyRing } from '../../src/config/index.ts';
import { dataConverter } from '../../src/temporal/data-converter.ts';
import { localActivityData, type RecordedHistory } from '../../src/temporal/history.ts';
import { activityLabel, childLabel, signalLabel, TIMER_LABEL } from './command-labels.ts';
import type { CommandSinks } from './command-recorder.ts';

/**
 * To be bundled with the workflows (`interceptorModules`), so that a check can report the code's commands.
 */
export const COMMAND_RECORDER = fileURLToPath(new URL('./command-recorder.ts', import.meta.url));

/** A command from the history and the code's command at the same position; either can be missing. */
export type ComparedCommand = { eventId: number | undefined; recorded: string; code: string };

export type HistoryCheck =
  { fits: true } | { fits: false; reason: string; commands: ComparedCommand[]; firstDifference: number };

/**
 * Replays one history under its own workflow id, from which child ids are derived. Without `COMMAND_RECORDER`
 * in the bundle the code's commands are missing from the comparison.
 */
export async function checkHistory(
  { history, workflowId }: RecordedHistory,
  workflowBundle: WorkflowBundle,
  keys: KeyRing,
): Promise<HistoryCheck> {
  const code: string[] = [];
  const sinks: InjectedSinks<CommandSinks> = {
    replay: { command: { fn: (_info, label) => void code.push(label), callDuringReplay: true } },
  };
  const options: ReplayWorkerOptions = { workflowBundle, dataConverter: dataConverter(keys), sinks };
  try {
    await Worker.runReplayHistory(options, history, workflowId);
    return { fits: true };
  } catch (error) {
    const commands = compare(recordedCommands(history), code);
    return {
      fits: false,
      reason: reasonOf(error),
      commands,
      firstDifference: commands.findIndex((pair) => pair.recorded !== pair.code),
    };
  }
}

/** Temporal's message without the Rust structs around it. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /\[TMPRL\d+\][^"]+/.exec(message)?.[0] ?? message;
}

/**
 * Throws with the history's name, the event and the code's command when the current code doesn't replay it.
 */
export async function assertFits(
  recorded: RecordedHistory,
  bundle: WorkflowBundle,
  keys: KeyRing,
): Promise<void> {
  const check = await checkHistory(recorded, bundle, keys);
  if (check.fits) return;
  throw new Error(`${recorded.name} no longer replays: ${describeMisfit(check)}`);
}

/** The difference in a few lines: where history and code diverge, and Temporal's message. */
export function describeMisfit(check: Extract<HistoryCheck, { fits: false }>): string {
  const width = Math.max(7, ...check.commands.map(({ recorded }) => recorded.length));
  const line = (mark: string, id: string, recorded: string, code: string) =>
    `  ${mark} ${id.padStart(5)}  ${recorded.padEnd(width)}  ${code}`.trimEnd();
  const rows = check.commands.map(({ eventId, recorded, code }, i) =>
    line(i === check.firstDifference ? '✗' : ' ', String(eventId ?? ''), recorded || '—', code || '—'),
  );
  return [
    'the code does not do what this history says it did (nondeterminism)',
    line(' ', 'event', 'history', 'code'),
    ...rows,
    `  ${check.reason}`,
    '  A change of a workflow needs patched(): see docs/CHANGING-WORKFLOWS.md',
  ].join('\n');
}

function compare(recorded: ReturnType<typeof recordedCommands>, code: readonly string[]): ComparedCommand[] {
  const length = Math.max(recorded.length, code.length);
  const all = Array.from({ length }, (_, i) => ({
    eventId: recorded[i]?.eventId,
    recorded: recorded[i]?.label ?? '',
    code: code[i] ?? '',
  }));
  // The replay ends at the first difference, so the history's later commands have no counterpart.
  const difference = all.findIndex((pair) => pair.recorded !== pair.code);
  return all.slice(0, difference + 3);
}

/** The commands that led to a history's events, in order. */
function recordedCommands(history: History): Array<{ eventId: number; label: string }> {
  return (history.events ?? []).flatMap((event) => {
    const label = labelOf(event);
    return label === undefined ? [] : [{ eventId: Number(event.eventId), label }];
  });
}

function labelOf(event: NonNullable<History['events']>[number]): string | undefined {
  if (event.timerStartedEventAttributes) return TIMER_LABEL;
  const activity = event.activityTaskScheduledEventAttributes?.activityType?.name;
  if (activity) return activityLabel(activity);
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowType?.name;
  if (child) return childLabel(child);
  const signal = event.signalExternalWorkflowExecutionInitiatedEventAttributes?.signalName;
  if (signal) return signalLabel(signal);
  const local = localActivityData(event)?.activity_type;
  return local && activityLabel(local);
}
