import type { Client } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type pg from 'pg';
import { parse as uuidBytes, stringify as toUuid, v4 as randomUuid } from 'uuid';
import { recordAudit, type AuditActor } from '../db/audit.ts';
import { findErasures, lockScope } from '../db/scopes.ts';
import { inTenant } from '../db/tenant-transaction.ts';
import type { Scope } from '../domain/conversation.ts';
import { importMemoryWorkflowId } from '../domain/ids.ts';
import { EMBEDDING_TASK_QUEUE } from '../domain/task-queues.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import type { LongWork } from '../lib/long-work.ts';
import { parseJson } from '../lib/parse-json.ts';
import { LineError, readLines, type LineProblem } from '../lib/read-lines.ts';
import {
  createImportReader,
  ImportFault,
  type ImportReader,
  type ReadExchange,
} from '../memory/transfer/import-reader.ts';
import { MAX_IMPORT_BYTES, MAX_LINE_BYTES } from '../memory/transfer/format.ts';
import {
  countUnfinished,
  lockImports,
  stageImport,
  stageLines,
  type ImportKey,
} from '../memory/transfer/staged-imports.ts';
import { exchangesOfScope, idAmong } from '../memory/transfer/store-imported.ts';
import type { ImportMemory } from '../workflows/import-memory.ts';

/** What became of a file. Of one that is refused nothing is kept. */
export type ImportOutcome =
  | { kind: 'accepted'; importId: string; exchanges: number; windowMessages: number; isLastPart: boolean }
  | { kind: 'refused'; line: number; problem: string; isTooLarge: boolean }
  /** As many imports of the tenant as may be under way are. */
  | { kind: 'busy' }
  /** The memory is being forgotten, or was while the file came. */
  | { kind: 'forgotten' };

class Forgotten extends Error {}
class Busy extends Error {}

/** Imports of a tenant that are under way at the same time. */
const IMPORTS_AT_ONCE = 4;
/** Lines that are staged by one statement, and how long they may be together. */
const BATCH_LINES = 200;
const BATCH_CHARACTERS = 1_000_000;
/** For how long lines are checked in one go. */
const IN_ONE_GO_MS = 5;

/**
 * Takes a file once all of it is there: checks every line, and then stages them and starts `ImportMemory` in
 * one transaction. So no connection waits for whoever sends, nor for a turn. The start comes before the
 * commit: without it nothing would be left that ends the import. Erasures are kept out of an import
 * altogether, so that nothing comes back and none takes away what was imported after it: a file is refused
 * while one has yet to finish, or when one was asked for since the file began to come. Rejects when Postgres
 * or Temporal is away, and with the signal's reason when the file is let go.
 */
export async function acceptImport(
  { pool, temporal, longWork }: { pool: pg.Pool; temporal: Client; longWork: LongWork },
  scope: Scope,
  { body, signal }: { body: AsyncIterable<Buffer>; signal?: AbortSignal },
  actor: AuditActor,
): Promise<ImportOutcome> {
  const importId = randomUuid();
  const key = { tenantId: scope.tenantId, importId };
  const reader = createImportReader(scope);
  try {
    const erasures = await inTenant(pool, scope.tenantId, (client) => erasuresBefore(client, scope));
    const file = await allOf(body);
    const checked = createChecked();
    const lines = linesOf(file);
    const owner = { tenantId: scope.tenantId, userId: '' };
    for (let isOver = false; !isOver;) {
      isOver = await longWork(owner, signal, () => checkSome(reader, lines, checked));
    }
    return await inTenant(pool, scope.tenantId, async (client) => {
      for await (const batch of batched(exchangesIn(file, checked))) {
        signal?.throwIfAborted();
        const own = batch.flatMap(({ ids }) => ids.own ?? []);
        const known = await exchangesOfScope(client, scope, own);
        const staged = batch.map(({ line, text, ids }) => ({
          line,
          content: text,
          exchangeId: idAmong(ids, known),
        }));
        await stageLines(client, key, staged);
      }
      const { exchanges, window, isLastPart } = await endOf(client, scope, reader);
      // Now that the file is there: of several that came at once each sees those before it.
      await lockImports(client, scope.tenantId);
      if ((await countUnfinished(client, scope.tenantId)) >= IMPORTS_AT_ONCE) throw new Busy();
      await lockScope(client, scope);
      const { isOneOpen, last } = await findErasures(client, scope);
      if (isOneOpen || last !== erasures.last) throw new Forgotten();
      await stageImport(client, importId, scope, {
        exchanges,
        windowMessages: window.length > 0 ? JSON.stringify(window) : null,
      });
      await recordAudit(client, {
        tenantId: scope.tenantId,
        actor,
        action: 'memory.import',
        target: { type: 'memory', agentId: scope.agentId, userId: scope.userId },
        outcome: 'done',
        counts: { exchanges, windowMessages: window.length },
      });
      await startImport(temporal, key);
      return { kind: 'accepted', importId, exchanges, windowMessages: window.length, isLastPart };
    });
  } catch (error) {
    if (error instanceof Forgotten) return { kind: 'forgotten' };
    if (error instanceof Busy) return { kind: 'busy' };
    if (error instanceof ImportFault) {
      return { kind: 'refused', line: reader.line, problem: error.message, isTooLarge: false };
    }
    if (error instanceof LineError) {
      const isTooLarge = error.problem !== 'not-utf-8';
      return { kind: 'refused', line: reader.line + 1, problem: LINE_PROBLEMS[error.problem], isTooLarge };
    }
    throw error;
  }
}

/** The erasures of a scope so far. Throws when an import can't begin. */
async function erasuresBefore(client: pg.PoolClient, scope: Scope) {
  if ((await countUnfinished(client, scope.tenantId)) >= IMPORTS_AT_ONCE) throw new Busy();
  const erasures = await findErasures(client, scope);
  if (erasures.isOneOpen) throw new Forgotten();
  return erasures;
}

/** A body, as far as a file may be long and a bit beyond, by which its reader sees that it is too long. */
async function allOf(body: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_IMPORT_BYTES) break;
  }
  return chunks;
}

/**
 * Starts what stores an import, or finds that it runs. One that was ended from outside goes on: what it has
 * stored is no longer staged. Rejects with the client's error when Temporal is away.
 */
export async function startImport(temporal: Client, key: ImportKey): Promise<void> {
  await temporal.withDeadline(Date.now() + ACCEPT_WITHIN_MS, () =>
    temporal.workflow.start<typeof ImportMemory>('ImportMemory', {
      workflowId: importMemoryWorkflowId(key.tenantId, key.importId),
      args: [key],
      taskQueue: EMBEDDING_TASK_QUEUE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      priority: { fairnessKey: key.tenantId },
      staticSummary: 'import a memory',
    }),
  );
}

const megabytes = (bytes: number): string => `${bytes / 1_000_000} MB`;

const LINE_PROBLEMS: Record<LineProblem, string> = {
  'line-too-long': `is longer than ${megabytes(MAX_LINE_BYTES)}`,
  'too-long':
    `is where the file gets longer than ${megabytes(MAX_IMPORT_BYTES)}: import the parts of the export one by one, ` +
    'or export without embeddings',
  'not-utf-8': 'must be UTF-8',
};

type Lines = ReturnType<typeof readLines>;

const linesOf = (file: Iterable<Buffer>): Lines =>
  readLines(file, { maxLineBytes: MAX_LINE_BYTES, maxBytes: MAX_IMPORT_BYTES });

/**
 * What is kept of a file that has been checked. Its exchanges stand in lines one after the other; of the ids
 * that they get anew each takes 16 bytes, since there may be hundreds of thousands.
 */
type Checked = { first: number | undefined; count: number; anew: Buffer; isSame: boolean };

const ID_BYTES = 16;
const createChecked = (): Checked => ({ first: undefined, count: 0, anew: Buffer.alloc(0), isSame: false });

function noteExchange(checked: Checked, { line, ids }: ReadExchange): void {
  checked.first ??= line;
  checked.isSame ||= ids.own !== undefined;
  const place = checked.count * ID_BYTES;
  if (place === checked.anew.length) {
    checked.anew = Buffer.concat([checked.anew, Buffer.alloc(place + 1_000 * ID_BYTES)]);
  }
  checked.anew.set(uuidBytes(ids.anew), place);
  checked.count += 1;
}

/** Checks lines for a while; the whole file is there, so none is waited for. Says whether it is over. */
async function checkSome(reader: ImportReader, lines: Lines, checked: Checked): Promise<boolean> {
  const until = performance.now() + IN_ONE_GO_MS;
  do {
    const line = await lines.next();
    if (line.done) return true;
    const exchange = reader.read(line.value);
    if (exchange) noteExchange(checked, exchange);
  } while (performance.now() < until);
  return false;
}

/** The exchanges of a file that has been checked. It is read once more: to keep its texts takes more room. */
async function* exchangesIn(
  file: Iterable<Buffer>,
  { first = Infinity, count, anew, isSame }: Checked,
): AsyncGenerator<ReadExchange & { text: string }> {
  let line = 0;
  for await (const text of linesOf(file)) {
    line += 1;
    const nth = line - first;
    if (nth < 0 || nth >= count) continue;
    const bytes = anew.subarray(nth * ID_BYTES, (nth + 1) * ID_BYTES);
    const own = isSame ? ownIdIn(text) : undefined;
    yield { line, text, ids: { ...(own !== undefined && { own }), anew: toUuid(bytes) } };
  }
}

function ownIdIn(text: string): string | undefined {
  const { id } = Object(parseJson(text)) as { id?: unknown };
  return typeof id === 'string' ? id.toLowerCase() : undefined;
}

/** Ends the file. The messages of its window have the ids that their exchanges get. */
async function endOf(client: pg.PoolClient, scope: Scope, reader: ImportReader) {
  const { exchanges, window, isLastPart } = reader.end();
  const own = window.flatMap(({ ids }) => ids?.own ?? []);
  const known = await exchangesOfScope(client, scope, own);
  const messages = window.map(({ message, ids }) =>
    ids ? { ...message, exchange: idAmong(ids, known) } : message,
  );
  return { exchanges, window: messages, isLastPart };
}

async function* batched<T extends { text: string }>(exchanges: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let characters = 0;
  for await (const exchange of exchanges) {
    batch.push(exchange);
    characters += exchange.text.length;
    if (batch.length < BATCH_LINES && characters < BATCH_CHARACTERS) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}
