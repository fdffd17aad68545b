import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { Logger } from 'pino';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { findAgent } from '../../db/agents.ts';
import type { Scope, WindowMessage } from '../../domain/conversation.ts';
import { acceptImport, startImport, type ImportOutcome } from '../../intake/accept-import.ts';
import type { FairPlaces } from '../../lib/fair-places.ts';
import type { LongWork } from '../../lib/long-work.ts';
import { watchPace, type Pace } from '../../lib/least-pace.ts';
import { createRoom } from '../../lib/room.ts';
import { createShares } from '../../lib/shares.ts';
import { exportMemory, noteExport } from '../../memory/transfer/export-memory.ts';
import { findImport } from '../../memory/transfer/staged-imports.ts';
import { getWindow } from '../../memory/window/window.ts';
import type { RedisClient } from '../../redis/connection.ts';
import { actorOf, keyOf, tenantOf } from '../admission.ts';
import { IMPORT, IMPORT_ACCEPTED, sendJson } from '../answers.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { lookUpFor } from '../look-up.ts';
import { badField, notFound, Problem, unavailable } from '../problems.ts';
import { requireReader } from '../reader.ts';
import { exportQuery, userIdParam, validate } from '../schemas.ts';
import { toUuid } from '../uuid.ts';

const NDJSON = 'application/x-ndjson';

/** Each is held in memory until its lines are looked through and staged. */
const IMPORTS_AT_ONCE = 4;
/** Of all files that come or are looked through: whoever holds the most is let go, and comes again. */
export const FILES_BYTES = 100_000_000;
/** Files of a tenant in so many seconds that may come to nothing: each has cost what others cost. */
const FAULTY_FILES = { points: IMPORTS_AT_ONCE, duration: 10 };
/** Each holds a page of some 2 MB, and a window of 4 MB at most, until its client has taken it. */
const EXPORTS_AT_ONCE = 4;
/** 10 kB a second, and 27 kB when the part is one of the longest. */
const EXPORT_PACE: Pace = { everyMs: 30_000, leastBytes: 300_000, withinMs: 10 * 60_000 };

type Dependencies = {
  pool: pg.Pool;
  redis: RedisClient;
  temporal: Client;
  longWork: LongWork;
  log: Logger;
  /** The places of those that ask Temporal how a message or an import is. */
  looking: FairPlaces;
  /** Aborted when the server shuts down. */
  closing: AbortSignal;
};

/** `GET …/memory/export` and `POST …/memory/import` of a user's memory, and `GET /imports/{importId}`. */
export function memoryTransferRoutes(dependencies: Dependencies): Router {
  const { pool, temporal, looking, closing } = dependencies;
  const router = Router();
  router.get('/agents/:agentId/users/:userId/memory/export', sendExport(dependencies));
  router.post('/agents/:agentId/users/:userId/memory/import', takeImport(dependencies));

  router.get('/imports/:importId', async (req, res) => {
    const tenantId = tenantOf(res);
    const importId = toUuid(req.params.importId);
    const found = importId && (await findImport(pool, { tenantId, importId }));
    if (!found) throw notFound('import');
    // One whose workflow was ended from outside goes on when somebody asks for it who may import.
    if (!found.finishedAt && keyOf(res).role === 'admin') {
      const start = () => startImport(temporal, { tenantId, importId }).catch(() => undefined);
      const owner = { tenantId, userId: keyOf(res).id };
      await lookUpFor(res, closing, 'The import', (signal) => looking(owner, signal, start));
    }
    const { finishedAt, failed, ...progress } = found;
    sendJson(res, IMPORT, {
      importId,
      state: failed ? 'failed' : finishedAt ? 'done' : 'running',
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
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    requireReader(res);
    const giveBack = exporting.take(scope.tenantId) ?? tooMany('exports');
    let pace: ReturnType<typeof watchPace> | undefined;
    try {
      const window = after === undefined ? await windowOf(redis, scope) : [];
      const options = { window, embeddings: embeddings === 'true', after, toCursor: encodeCursor };
      const lines = exportMemory(pool, scope, options);
      // A service that is away is told before anything is sent.
      const first = await lines.next();
      await noteExport(pool, scope, actorOf(res));
      res.type(NDJSON);
      pace = watchPace(EXPORT_PACE, () => res.destroy());
      const taken = countingBytes(startingWith(first, lines), pace.took);
      await pipeline(Readable.from(taken, { highWaterMark: 1 }), res);
    } catch (error) {
      if (!res.headersSent) throw error;
      // The client sees that the last line is missing.
      if (!res.closed) res.destroy();
      log.warn({ err: error, tenantId: scope.tenantId }, 'an export ended before its last line');
    } finally {
      pace?.end();
      giveBack();
    }
  };
}

function takeImport({ pool, temporal, longWork }: Dependencies): RequestHandler<OfUser> {
  const importing = createShares(IMPORTS_AT_ONCE);
  const faulty = new RateLimiterMemory(FAULTY_FILES);
  const files = createRoom(FILES_BYTES);
  return async (req, res) => {
    const scope = await scopeOf(pool, req, res);
    if (!req.is(NDJSON) || (req.get('content-encoding') ?? 'identity') !== 'identity') {
      throw new Problem(
        415,
        'Not an export',
        `The body must be ${NDJSON}, uncompressed: the file of an export.`,
      );
    }
    if ((await faulty.get(scope.tenantId))?.remainingPoints === 0) tooMany('imports that came to nothing');
    const giveBack = importing.take(scope.tenantId) ?? tooMany('imports');
    const cost = { isWasted: false, bytes: 0 };
    const letGo = new AbortController();
    const held = files.hold(scope.tenantId, () => {
      letGo.abort(tooManyAtOnce('imports'));
      // Whoever sends slowly would be asked for its next piece only when that comes.
      req.destroy();
    });
    res.once('close', () => letGo.abort(tooManyAtOnce('imports')));
    try {
      const body = countingBytes<Buffer>(req.iterator({ destroyOnReturn: false }), (bytes) => {
        cost.isWasted = true;
        held.set((cost.bytes += bytes));
      });
      const outcome = await acceptImport(
        { pool, temporal, longWork },
        scope,
        { body, signal: letGo.signal },
        actorOf(res),
      );
      if (outcome.kind !== 'accepted') throw problemOfImport(outcome);
      cost.isWasted = false;
      const { kind: _, ...accepted } = outcome;
      res.status(202).set('Location', `/v1/imports/${accepted.importId}`);
      sendJson(res, IMPORT_ACCEPTED, accepted);
    } catch (error) {
      await readOn(req);
      throw error;
    } finally {
      held.end();
      if (cost.isWasted) await faulty.consume(scope.tenantId).catch(() => undefined);
      giveBack();
    }
  };
}

async function windowOf(redis: RedisClient, scope: Scope): Promise<WindowMessage[]> {
  try {
    return await getWindow(redis, scope);
  } catch {
    throw unavailable('Redis');
  }
}

async function* countingBytes<Piece extends { length: number }>(
  pieces: AsyncIterable<Piece>,
  count: (bytes: number) => void,
): AsyncGenerator<Piece> {
  for await (const piece of pieces) {
    count(piece.length);
    yield piece;
  }
}

/** As bytes: of a text that waits for its reader the letters would be counted. */
async function* startingWith(
  first: IteratorResult<string, void>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<Buffer> {
  if (!first.done) yield Buffer.from(first.value);
  for await (const text of rest) yield Buffer.from(text);
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
  throw tooManyAtOnce(what);
}

const tooManyAtOnce = (what: string): Problem =>
  new Problem(
    429,
    `Too many ${what}`,
    `There are as many ${what} as there may be at a time: come again later.`,
    {
      headers: { 'Retry-After': '10' },
    },
  );
