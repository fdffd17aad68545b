/** Reads histories from files in several formats. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { historyFromJSON, type History } from '@temporalio/common/lib/proto-utils.js';
import type { RecordedHistory } from '../../src/temporal/history.ts';

/**
 * Reads a history file, written by `temporal workflow show --output json` or downloaded from the Web UI
 * (encoded, decoded or human readable). Throws an error of one line when it is something else.
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
  if (!history) throw new Error(`${file} is not a workflow history: it has no "events"`);
  const workflowId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  if (!workflowId) throw new Error(`${file} doesn't begin with the event that has the workflow id`);
  return { name, workflowId, history };
}

/** A history from parsed JSON; undefined when the JSON is not a history. */
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

/** Undoes formatting for people: payloads shown as values, event types in camel case. */
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

/** A payload with a readable encoding ("json/plain"). The base64 of an encoding doesn't match the pattern. */
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
    // The tools leave a value that isn't JSON in base64.
    ...(isJson && { data: base64(JSON.stringify(data ?? null)) }),
    ...(!isJson && typeof data === 'string' && { data }),
  };
}

/** The event type's protobuf name; older tools write "WorkflowExecutionStarted". */
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
