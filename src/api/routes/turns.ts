import { Router } from 'express';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { readOverview } from '../../db/overview.ts';
import { listTurns, listUsers } from '../../db/turn-list.ts';
import { idProblem } from '../../domain/ids.ts';
import { createShares } from '../../lib/shares.ts';
import { countBackfills } from '../../temporal/backfills.ts';
import { isTemporalAway } from '../../temporal/outage.ts';
import { tenantOf } from '../admission.ts';
import { OVERVIEW, TURNS, USERS } from '../answers-console.ts';
import { sendJson } from '../answers.ts';
import { pageOf } from '../cursor.ts';
import { holdPlace } from '../hold-place.ts';
import { hoursBetween, HOUR_MS } from '../hours.ts';
import { knownAgent } from '../memory-page.ts';
import { overviewQuery, turnsQuery, usersQuery, validate } from '../schemas.ts';
import { channelOfUser } from '../user-channel.ts';

/** Overviews of one process at once: each reads many rows, and others need the database too. */
const OVERVIEWS_AT_ONCE = 4;
const TOO_MANY = {
  title: 'Too many overviews',
  detail: 'Too many overviews of this tenant are under way: read their answers, and ask again.',
  retryAfterMs: 1_000,
};

/** `GET /turns`, `GET /overview`, `GET /agents/{agentId}/users`: how an agent does, and with whom. */
export function turnRoutes(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  /** The names of the channels, with which the ids of their users begin. */
  channelNames: readonly string[];
}): Router {
  const { pool, temporal, channelNames } = dependencies;
  const overviews = createShares(OVERVIEWS_AT_ONCE);
  const router = Router();

  router.get('/turns', async (req, res) => {
    const { agentId, state, degraded, ...asked } = validate(turnsQuery, req.query, 'query');
    const filter = { agentId, state, isDegraded: degraded === 'true' };
    const { page, nextCursor } = await pageOf(asked, (rows) => listTurns(pool, tenantOf(res), filter, rows));
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
      (rows) => listUsers(pool, { tenantId, agentId }, rows),
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
    holdPlace(overviews, tenantId, res, TOO_MANY);
    const to = new Date();
    const from = new Date(Math.floor(to.getTime() / HOUR_MS) * HOUR_MS - (hours - 1) * HOUR_MS);
    const [read, backfill] = await Promise.all([
      readOverview(pool, { tenantId, agentId, from }),
      countBackfills(temporal, { tenantId, agentId }).catch((error: unknown) => {
        if (isTemporalAway(error)) return null;
        throw error;
      }),
    ]);
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
