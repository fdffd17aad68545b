/** Imports that wait for the worker, in `memory_imports` and `memory_import_lines`. */
import type pg from 'pg';
import { inTenant } from '../../db/tenant-transaction.ts';
import type { Scope } from '../../domain/conversation.ts';

/** A line of the file as it came, its number, and the exchange that it holds, by its id in the scope. */
export type StagedLine = { line: number; content: string; exchangeId: string };

export type ImportKey = { tenantId: string; importId: string };

/** How far an import has come. */
export type ImportProgress = {
  agentId: string;
  userId: string;
  /** The exchanges of its file. */
  exchanges: number;
  /** Those of them that the scope did not have. */
  stored: number;
  finishedAt: Date | null;
  /** It has ended, and not all of it could be stored. */
  failed: boolean;
};

/** Stages exchanges within the caller's transaction, whose tenant must be the import's. */
export async function stageLines(
  client: pg.PoolClient,
  { tenantId, importId }: ImportKey,
  lines: readonly StagedLine[],
): Promise<void> {
  await client.query(
    `INSERT INTO memory_import_lines (tenant_id, import_id, line, exchange_id, content)
     SELECT $1, $2, line, exchange_id, content
     FROM unnest($3::int[], $4::uuid[], $5::text[]) l (line, exchange_id, content)`,
    [
      tenantId,
      importId,
      lines.map(({ line }) => line),
      lines.map(({ exchangeId }) => exchangeId),
      lines.map(({ content }) => content),
    ],
  );
}

/** Enters an import whose lines are all staged, within the same transaction. */
export async function stageImport(
  client: pg.PoolClient,
  importId: string,
  { tenantId, agentId, userId }: Scope,
  file: { exchanges: number; windowMessages: string | null },
): Promise<void> {
  await client.query(
    `INSERT INTO memory_imports (tenant_id, id, agent_id, user_id, exchanges, window_messages)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [tenantId, importId, agentId, userId, file.exchanges, file.windowMessages],
  );
}

/** How many imports of the transaction's tenant are not finished. */
export async function countUnfinished(client: pg.PoolClient, tenantId: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM memory_imports WHERE tenant_id = $1 AND finished_at IS NULL',
    [tenantId],
  );
  return rows[0]?.count ?? 0;
}

/** Until the transaction ends no other import of the tenant is entered: it counts what this one adds. */
export async function lockImports(client: pg.PoolClient, tenantId: string): Promise<void> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('imports of ' || $1, 0))`, [tenantId]);
}

/** How far an import has come; undefined when the tenant has none of this id. */
export async function findImport(
  pool: pg.Pool,
  { tenantId, importId }: ImportKey,
): Promise<ImportProgress | undefined> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<ImportProgress>(
      `SELECT agent_id AS "agentId", user_id AS "userId", exchanges, stored, finished_at AS "finishedAt", failed
       FROM memory_imports WHERE tenant_id = $1 AND id = $2`,
      [tenantId, importId],
    ),
  );
  return rows[0];
}

/**
 * Tries without anything stored between them after which an import ends: some hours of them, since they come
 * a minute apart. While Postgres is away none is counted.
 */
export const MAX_TRIES = 100;

/**
 * Counts a try to store some of an import. False when there have been enough, which ends the import, and when
 * it has ended.
 */
export async function beginTry(pool: pg.Pool, { tenantId, importId }: ImportKey): Promise<boolean> {
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<{ tries: number }>(
      `UPDATE memory_imports SET tries = tries + 1
       WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL RETURNING tries`,
      [tenantId, importId],
    );
    const [counted] = rows;
    if (!counted) return false;
    if (counted.tries <= MAX_TRIES) return true;
    await client.query('DELETE FROM memory_import_lines WHERE tenant_id = $1 AND import_id = $2', [
      tenantId,
      importId,
    ]);
    await client.query(
      `UPDATE memory_imports SET finished_at = now(), window_messages = NULL, failed = true
       WHERE tenant_id = $1 AND id = $2`,
      [tenantId, importId],
    );
    return false;
  });
}

/** Lines that are looked at in one go, and about how long they may be together. */
const SLICE_LINES = 50;
const SLICE_BYTES = 250_000;

/** The next slice of an import; empty when nothing is left. */
export async function nextLines(pool: pg.Pool, { tenantId, importId }: ImportKey): Promise<StagedLine[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<StagedLine>(
      `SELECT line, content, exchange_id AS "exchangeId" FROM (
         SELECT line, content, exchange_id, sum(octet_length(content)) OVER (ORDER BY line) - octet_length(content) AS before
         FROM memory_import_lines WHERE tenant_id = $1 AND import_id = $2 ORDER BY line LIMIT $3
       ) l WHERE before < $4 ORDER BY line`,
      [tenantId, importId, SLICE_LINES, SLICE_BYTES],
    ),
  );
  return rows;
}

/**
 * Takes lines out of the staging, within the caller's transaction. Gives the numbers of those it had. Locks
 * the import first, as an erasure does: of what is forgotten meanwhile there are no lines.
 */
export async function takeLines(
  client: pg.PoolClient,
  { tenantId, importId }: ImportKey,
  lines: readonly number[],
): Promise<Set<number>> {
  await client.query('SELECT FROM memory_imports WHERE tenant_id = $1 AND id = $2 FOR UPDATE', [
    tenantId,
    importId,
  ]);
  const { rows } = await client.query<{ line: number }>(
    `DELETE FROM memory_import_lines
     WHERE tenant_id = $1 AND import_id = $2 AND line = ANY ($3::int[]) RETURNING line`,
    [tenantId, importId, lines],
  );
  return new Set(rows.map(({ line }) => line));
}

/** Notes in the caller's transaction that exchanges have been stored: tries are counted from here. */
export async function countStored(
  client: pg.PoolClient,
  { tenantId, importId }: ImportKey,
  stored: number,
): Promise<void> {
  await client.query(
    'UPDATE memory_imports SET stored = stored + $3, tries = 0 WHERE tenant_id = $1 AND id = $2',
    [tenantId, importId, stored],
  );
}

/**
 * Ends an import; no text of it is left in the staging. False, and nothing is done, while lines of it are
 * staged. `giveWindow` gets the window that it brings, as JSON, if it brings one. Whoever deletes the import
 * meanwhile waits: nothing of it is written after that.
 */
export async function finishImport(
  pool: pg.Pool,
  { tenantId, importId }: ImportKey,
  giveWindow: (staged: string) => Promise<void>,
): Promise<boolean> {
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<{ window: string | null; isWhole: boolean }>(
      `SELECT window_messages AS "window", NOT EXISTS (
         SELECT FROM memory_import_lines WHERE tenant_id = $1 AND import_id = $2) AS "isWhole"
       FROM memory_imports WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL FOR UPDATE`,
      [tenantId, importId],
    );
    const [staged] = rows;
    if (!staged) return true;
    if (!staged.isWhole) return false;
    if (staged.window !== null) await giveWindow(staged.window);
    await client.query(
      'UPDATE memory_imports SET finished_at = now(), window_messages = NULL WHERE tenant_id = $1 AND id = $2',
      [tenantId, importId],
    );
    return true;
  });
}
