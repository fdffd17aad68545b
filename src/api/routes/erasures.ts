import { Router, type Request, type Response } from 'express';
import { WorkflowFailedError, type Client } from '@temporalio/client';
import type pg from 'pg';
import { findErasure } from '../../db/erasures.ts';
import type { Shares } from '../../lib/shares.ts';
import { isTemporalAway } from '../../temporal/outage.ts';
import { refusalBehind } from '../../temporal/payload-codec.ts';
import { createResultWaits } from '../../temporal/result-waits.ts';
import { actorOf, tenantOf } from '../admission.ts';
import { ERASURE, ERASURE_ACCEPTED, sendJson } from '../answers.ts';
import type { AskToForget } from '../ask-to-forget.ts';
import { goneOrClosing, preferredWaitMs } from '../prefer.ts';
import { notFound } from '../problems.ts';
import { userIdParam, validate } from '../schemas.ts';
import { toUuid } from '../uuid.ts';
import { tryWaitingPlace } from '../waiting-places.ts';

const waitForErasure = createResultWaits();

/**
 * `DELETE /agents/{agentId}/users/{userId}/memory` and `…/memory/{exchangeId}`: forgets what was said.
 * `GET /erasures/{erasureId}`: the receipt.
 */
export function erasureRoutes(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  askToForget: AskToForget;
  closing: AbortSignal;
  /** The requests that wait, for replies as well. */
  waiting: Shares;
}): Router {
  const { pool, temporal, askToForget, closing, waiting } = dependencies;
  const router = Router();

  const erase = async (req: Request, res: Response, exchangeId: string | undefined): Promise<void> => {
    const tenantId = tenantOf(res);
    const agentId = toUuid(String(req.params['agentId']));
    const userId = validate(userIdParam, req.params['userId'], 'userId');
    if (!agentId) throw notFound('agent');
    const { erasureId, workflowId } = await askToForget(
      { tenantId, agentId, userId, exchangeId },
      actorOf(res),
    );
    res.set('Location', `/v1/erasures/${erasureId}`);
    await waitFor(req, res, workflowId);
    const receipt = await findErasure(pool, tenantId, erasureId);
    if (receipt?.finishedAt) sendJson(res, ERASURE, receipt);
    else sendJson(res.status(202), ERASURE_ACCEPTED, { erasureId });
  };

  /** Waits for the end of an erasure, as the client prefers while its tenant has room to wait. */
  const waitFor = async (req: Request, res: Response, workflowId: string): Promise<void> => {
    const waitMs = preferredWaitMs(req);
    const giveBack = waitMs > 0 ? tryWaitingPlace(waiting, tenantOf(res), res) : undefined;
    if (!giveBack) return;
    res.set('Preference-Applied', `wait=${waitMs / 1000}`);
    const stop = goneOrClosing(res, closing, waitMs);
    try {
      await waitForErasure(temporal, { tenantId: tenantOf(res), workflowId }, stop);
    } catch (error) {
      // The erasure is accepted all the same, also when an operator has ended its run, or with another ring.
      const isNoResult =
        error instanceof WorkflowFailedError || isTemporalAway(error) || refusalBehind(error);
      if (!stop.aborted && !isNoResult) throw error;
    } finally {
      giveBack();
    }
  };

  router.delete('/agents/:agentId/users/:userId/memory', (req, res) => erase(req, res, undefined));
  router.delete('/agents/:agentId/users/:userId/memory/:exchangeId', async (req, res) => {
    const exchangeId = toUuid(req.params.exchangeId);
    if (!exchangeId) throw notFound('exchange');
    await erase(req, res, exchangeId);
  });

  router.get('/erasures/:erasureId', async (req, res) => {
    const erasureId = toUuid(req.params.erasureId);
    const receipt = erasureId && (await findErasure(pool, tenantOf(res), erasureId));
    if (!receipt) throw notFound('erasure');
    sendJson(res, ERASURE, receipt);
  });

  return router;
}
