/** Exports and imports over HTTP, as a tenant's application makes them. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Scope } from '../../src/domain/conversation.ts';
import { expectDocumented } from './api-description.ts';
import { eventually } from './eventually.ts';
import { createTestTenant } from './services.ts';
import type { System } from './system.ts';

type Caller = { apiKey: string; agentId: string };
/** A user, and who may ask for its memory. */
export type Place = { caller: Caller; scope: Scope };

/** A user of a tenant of its own, of whom nothing is remembered. */
export async function emptyPlace(pool: pg.Pool): Promise<Place> {
  const { tenantId, apiKey, agent } = await createTestTenant(pool);
  return {
    caller: { apiKey, agentId: agent.id },
    scope: { tenantId, agentId: agent.id, userId: `ada ${randomUUID()}` },
  };
}
type Line = Record<string, unknown> & { type: string };

/** An exported file, as text. */
export async function exported(
  { baseUrl }: Pick<System, 'baseUrl'>,
  { apiKey, agentId }: Caller,
  userId: string,
  query = '',
): Promise<string> {
  const path = `/v1/agents/${agentId}/users/${encodeURIComponent(userId)}/memory/export${query}`;
  const response = await fetch(baseUrl + path, { headers: { authorization: `Bearer ${apiKey}` } });
  const text = await response.text();
  expectDocumented({ method: 'GET', path, response, text });
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return text;
}

/** The lines of a file. */
export function linesOf(file: string): Line[] {
  return file
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** The texts of an exchange's messages; undefined for another line. */
export const textsOf = (messages: unknown): string[] | undefined =>
  (messages as Array<{ text: string }> | undefined)?.map(({ text }) => text);

/** A file of these lines. */
export const fileOf = (lines: readonly object[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');

type Answer = { status: number; body: Record<string, unknown> };

/** Sends a file, and gives the answer. */
export async function sendImport(
  { baseUrl }: Pick<System, 'baseUrl'>,
  { apiKey, agentId }: Caller,
  userId: string,
  file: string | Buffer | ReadableStream<Buffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const path = `/v1/agents/${agentId}/users/${encodeURIComponent(userId)}/memory/import`;
  const response = await fetch(baseUrl + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/x-ndjson',
      ...headers,
    },
    body: Buffer.isBuffer(file) ? new Uint8Array(file) : file,
    duplex: 'half',
  });
  const text = await response.text();
  expectDocumented({ method: 'POST', path, response, text });
  return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
}

/** Imports a file, waits until that is done and gives what became of it. */
export async function imported(
  system: Pick<System, 'baseUrl'>,
  caller: Caller,
  userId: string,
  file: string,
): Promise<Record<string, unknown>> {
  const { status, body } = await sendImport(system, caller, userId, file);
  if (status !== 202) throw new Error(`${status} ${JSON.stringify(body)}`);
  return eventually(async () => {
    const response = await fetch(`${system.baseUrl}/v1/imports/${String(body['importId'])}`, {
      headers: { authorization: `Bearer ${caller.apiKey}` },
    });
    const progress = (await response.json()) as Record<string, unknown>;
    return progress['state'] === 'done' ? progress : undefined;
  });
}
