import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { Logger } from 'pino';
import { findAgent } from '../../db/agents.ts';
import { recordAudit, type AuditActor } from '../../db/audit.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import type { Scope, WindowMessage } from '../../domain/conversation.ts';
import { acceptImport, startImport, type ImportOutcome } from '../../intake/accept-import.ts';
import { createShares } from '../../lib/shares.ts';
import { exportMemory } from '../../memory/transfer/export-memory.ts';
import { findImport } from '../../memory/transfer/staged-imports.ts';
import { getWindow } from '../../memory/window/window.ts';
import type { RedisClient } from '../../redis/connection.ts';
import { actorOf, tenantOf } from '../admission.ts';
import { IMPORT, IMPORT_ACCEPTED, sendJson } from '../answers.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { badField, notFound, Problem, unavailable } from '../problems.ts';
import { exportQuery, userIdParam, validate } from '../schemas.ts';
import { toUuid } from '../uuid.ts';

const NDJSON = 'application/x-ndjson';

/** Each holds a connection of the database while its file comes. */
const IMPORTS_AT_ONCE = 4;
/** Each reads a page when its client has taken the one before. */
const EXPORTS_AT_ONCE = 16;
/** A client that takes nothing for so long has gone. */
const EXPORT_IDLE_MS = 60_000;

type Dependencies = { pool: pg.Pool; redis: RedisClient; temporal: Client; log: Logger };

/** `GET …/memory/export` and `POST …/memory/import` of a user's memory, and `GET /imports/{importId}`. */
export function memoryTransferRoutes(dependencies: Dependencies): Router {
  const { pool, temporal } = dependencies;
  const router = Router();
  router.get('/agents/:agentId/users/:userId/memory/export', sendExport(dependencies));
  router.post('/agents/:agentId/users/:userId/memory/import', takeImport(dependencies));

  router.get('/imports/:importId', async (req, res) => {
    const tenantId = tenantOf(res);
    const importId = toUuid(req.params.importId);
    const found = importId && (await findImport(pool, { tenantId, importId }));
    if (!found) throw notFound('import');
    // One whose workflow was ended from outside goes on when somebody asks for it.
    if (!found.finishedAt) await startImport(temporal, { tenantId, importId }).catch(() => undefined);
    const { finishedAt, ...progress } = found;
    sendJson(res, IMPORT, {
      importId,
      state: finishedAt ? 'done' : 'running',
      ...progress,
      finishedAt: finishedAt?.toISOString() ?? null,
    });
  });

  return router;
}

type OfUser = { agentId: string; userId: string };

async function scopeOf(pool: pg.Pool, req: Request<OfUser>, res: Response): Promise<Scope> {
  const tenantId = tenantOf(res);
  const agentId = toUuid(req.params.agentId);
  const userId = validate(userIdParam, req.params.userId, 'userId');
  if (!agentId || !(await findAgent(pool, tenantId, agentId))) throw notFound('agent');
  return { tenantId, agentId, userId };
}

function sendExport({ pool, redis, log }: Dependencies): RequestHandler<OfUser> {
  const exporting = createShares(EXPORTS_AT_ONCE);
  return async (req, res) => {
    const scope = await scopeOf(pool, req, res);
    const { embeddings, cursor } = validate(exportQuery, req.query, 'query');
    const window = cursor === undefined ? await windowOf(redis, scope) : [];
    const options = {
      window,
      embeddings: embeddings === 'true',
      after: cursor === undefined ? undefined : decodeCursor(cursor),
      toCursor: encodeCursor,
    };
    const giveBack = exporting.take(scope.tenantId) ?? tooMany('exports');
    try {
      const lines = exportMemory(pool, scope, options);
      // A service that is away is told before anything is sent.
      const first = await lines.next();
      await noteExport(pool, scope, actorOf(res));
      res.type(NDJSON);
      res.setTimeout(EXPORT_IDLE_MS, () => res.destroy());
      await pipeline(Readable.from(startingWith(first, lines), { highWaterMark: 1 }), res);
    } catch (error) {
      if (!res.headersSent) throw error;
      // The client sees that the last line is missing.
      if (!res.closed) res.destroy();
      log.warn({ err: error, tenantId: scope.tenantId }, 'an export ended before its last line');
    } finally {
      giveBack();
    }
  };
}

function takeImport({ pool, temporal }: Dependencies): RequestHandler<OfUser> {
  const importing = createShares(IMPORTS_AT_ONCE);
  return async (req, res) => {
    const scope = await scopeOf(pool, req, res);
    if (!req.is(NDJSON) || (req.get('content-encoding') ?? 'identity') !== 'identity') {
      throw new Problem(
        415,
        'Not an export',
        `The body must be ${NDJSON}, uncompressed: the file of an export.`,
      );
    }
    const giveBack = importing.take(scope.tenantId) ?? tooMany('imports');
    try {
      const body = req.iterator({ destroyOnReturn: false });
      const outcome = await acceptImport({ pool, temporal }, scope, body, actorOf(res));
      if (outcome.kind !== 'accepted') throw problemOfImport(outcome);
      const { importId, exchanges, windowMessages } = outcome;
      res.status(202).set('Location', `/v1/imports/${importId}`);
      sendJson(res, IMPORT_ACCEPTED, { importId, exchanges, windowMessages });
    } catch (error) {
      await readOn(req);
      throw error;
    } finally {
      giveBack();
    }
  };
}

/** The entry is there before the first line leaves. */
async function noteExport(pool: pg.Pool, scope: Scope, actor: AuditActor): Promise<void> {
  const { tenantId, agentId, userId } = scope;
  const target = { type: 'memory', agentId, userId } as const;
  await inTenant(pool, tenantId, (client) =>
    recordAudit(client, { tenantId, actor, action: 'memory.export', target, outcome: 'done' }),
  );
}

async function windowOf(redis: RedisClient, scope: Scope): Promise<WindowMessage[]> {
  try {
    return await getWindow(redis, scope);
  } catch {
    throw unavailable('Redis');
  }
}

async function* startingWith(
  first: IteratorResult<string, void>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<string> {
  if (!first.done) yield first.value;
  yield* rest;
}

/** A client reads the answer when it has sent its file, and not before. */
async function readOn(req: Request<OfUser>): Promise<void> {
  req.resume();
  await finished(req).catch(() => undefined);
}

function problemOfImport(outcome: Exclude<ImportOutcome, { kind: 'accepted' }>): Problem {
  switch (outcome.kind) {
    case 'refused': {
      const { line, problem, isTooLarge } = outcome;
      return badField({ field: `line ${line}`, problem, isTooLarge });
    }
    case 'busy':
      return new Problem(409, 'Imports under way', 'Wait until one of the tenant’s imports has finished.');
    case 'forgotten':
      return new Problem(
        409,
        'Being forgotten',
        'The memory is being forgotten, or was while the file came: import it once the erasure has its receipt.',
      );
  }
}

function tooMany(what: string): never {
  throw new Problem(429, `Too many ${what}`, `As many ${what} as may run at a time do: come again later.`, {
    headers: { 'Retry-After': '10' },
  });
}
