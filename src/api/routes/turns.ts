import { Router, type Response } from 'express';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { readOverview } from '../../db/overview.ts';
import { listTurns, listUsers } from '../../db/turn-list.ts';
import { idProblem } from '../../domain/ids.ts';
import { createFairPlaces } from '../../lib/fair-places.ts';
import { createBackfills } from '../../temporal/backfills.ts';
import { isTemporalAway } from '../../temporal/outage.ts';
import { keyOf, tenantOf } from '../admission.ts';
import { OVERVIEW, TURNS, USERS } from '../answers-console.ts';
import { sendJson } from '../answers.ts';
import { pageOf } from '../cursor.ts';
import { hoursBetween, HOUR_MS } from '../hours.ts';
import { lookUpFor } from '../look-up.ts';
import { knownAgent } from '../memory-page.ts';
import { overviewQuery, turnsQuery, usersQuery, validate } from '../schemas.ts';
import { channelOfUser } from '../user-channel.ts';

/**
 * Of a tenant that is alone; others wait. Each may look through many rows for few, and the database is there
 * for all.
 */
const SCANS_AT_ONCE = 4;

/** `GET /turns`, `GET /overview`, `GET /agents/{agentId}/users`: how an agent does, and with whom. */
export function turnRoutes(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  /** The names of the channels, with which the ids of their users begin. */
  channelNames: readonly string[];
  closing: AbortSignal;
}): Router {
  const { pool, temporal, channelNames, closing } = dependencies;
  const places = createFairPlaces(SCANS_AT_ONCE);
  const scan = <T>(res: Response, work: () => Promise<T>): Promise<T> => {
    const { tenantId, id: userId } = keyOf(res);
    return lookUpFor(res, closing, 'The list', (signal) => places({ tenantId, userId }, signal, work));
  };
  const backfillsOf = createBackfills(temporal);
  const router = Router();

  router.get('/turns', async (req, res) => {
    const { agentId, state, degraded, ...asked } = validate(turnsQuery, req.query, 'query');
    const filter = { agentId, state, isDegraded: degraded === 'true' };
    const { page, nextCursor } = await pageOf(asked, (rows) =>
      scan(res, () => listTurns(pool, tenantOf(res), filter, rows)),
    );
    const turns = page.map(({ id: _, createdAt, ...turn }) => ({
      ...turn,
      channel: channelOfUser(turn.userId, channelNames),
      acceptedAt: createdAt,
    }));
    sendJson(res, TURNS, { turns, nextCursor });
  });

  router.get('/agents/:agentId/users', async (req, res) => {
    const tenantId = tenantOf(res);
    const asked = validate(usersQuery, req.query, 'query');
    const { id: agentId } = await knownAgent(pool, { tenantId, agentId: req.params.agentId });
    const isUserId = (id: string): boolean => idProblem(id) === null;
    const { page, nextCursor } = await pageOf(
      asked,
      (rows) => scan(res, () => listUsers(pool, { tenantId, agentId }, rows)),
      isUserId,
    );
    sendJson(res, USERS, {
      users: page.map(({ id, activeAt }) => ({ userId: id, activeAt })),
      nextCursor,
    });
  });

  router.get('/overview', async (req, res) => {
    const tenantId = tenantOf(res);
    const { agentId, hours } = validate(overviewQuery, req.query, 'query');
    const to = new Date();
    const from = new Date(Math.floor(to.getTime() / HOUR_MS) * HOUR_MS - (hours - 1) * HOUR_MS);
    const [read, backfill] = await scan(res, () =>
      Promise.all([
        readOverview(pool, { tenantId, agentId, from }),
        backfillsOf(tenantId, agentId).catch((error: unknown) => {
          if (isTemporalAway(error)) return null;
          throw error;
        }),
      ]),
    );
    sendJson(res, OVERVIEW, {
      from: from.toISOString(),
      to: to.toISOString(),
      ...read,
      hours: hoursBetween(from, to, read.hours),
      backfill,
    });
  });

  return router;
}
