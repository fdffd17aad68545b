/** Histories from wherever people keep them, in one form. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { historyFromJSON, type History } from '@temporalio/common/lib/proto-utils.js';

/** One run of a workflow. `name` is what it is called in a report: its file, or its workflow id. */
export type RecordedHistory = { name: string; workflowId: string; history: History };

/** The history of a workflow's newest run. Throws `WorkflowNotFoundError`. */
export async function fetchHistory(client: Client, workflowId: string): Promise<RecordedHistory> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  return { name: workflowId, workflowId, history };
}

/**
 * A history file: from `temporal workflow show --output json`, or from the Web UI's download, encoded,
 * decoded or human readable. Throws one line that says what the file is not.
 */
export async function readHistoryFile(file: string): Promise<RecordedHistory> {
  const name = path.basename(file);
  const text = await readFile(file, 'utf8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error(`${file} is not JSON`);
  }
  const history = parseHistory(parsed);
  if (!history) throw new Error(`${file} holds no workflow history: it has no "events"`);
  const workflowId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  if (!workflowId) throw new Error(`${file} doesn't begin with the event that names the workflow`);
  return { name, workflowId, history };
}

/** A history from parsed JSON; undefined when it is none. */
export function parseHistory(parsed: unknown): History | undefined {
  const events = eventsOf(parsed);
  return events && historyFromJSON({ events: events.map(toProtoJson) });
}

/** `{events}` (CLI, Web UI), `{history: {events}}` (the Web UI's raw view) or the bare list. */
function eventsOf(parsed: unknown): unknown[] | undefined {
  if (isList(parsed)) return parsed;
  if (!isObject(parsed)) return undefined;
  if (isList(parsed['events'])) return parsed['events'];
  return isObject(parsed['history']) ? eventsOf(parsed['history']) : undefined;
}

/** Undoes what tools do for the eye: payloads shown as values, event types in words. */
function toProtoJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toProtoJson);
  if (!isObject(value)) return value;
  if (isReadablePayload(value)) return encodePayload(value.metadata, value.data);
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      name === 'eventType' && typeof part === 'string' ? toEventType(part) : toProtoJson(part),
    ]),
  );
}

type ReadablePayload = { metadata: Record<string, unknown>; data?: unknown };

/** A payload whose encoding stands there in words ("json/plain"): in base64 it holds no slash so early. */
function isReadablePayload(value: object): value is ReadablePayload {
  if (!('metadata' in value) || !isObject(value.metadata)) return false;
  const { encoding } = value.metadata;
  return typeof encoding === 'string' && /^(json|binary)\//.test(encoding);
}

function encodePayload(metadata: Record<string, unknown>, data: unknown): unknown {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const isJson = String(metadata['encoding']).startsWith('json/');
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [
        key,
        base64(typeof value === 'string' ? value : JSON.stringify(value)),
      ]),
    ),
    // A value that isn't JSON was left in base64 by whoever showed it.
    ...(isJson && { data: base64(JSON.stringify(data ?? null)) }),
    ...(!isJson && typeof data === 'string' && { data }),
  };
}

/** "WorkflowExecutionStarted", as older tools spell it. */
function toEventType(type: string): string {
  if (type.startsWith('EVENT_TYPE_')) return type;
  return `EVENT_TYPE_${type.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}
