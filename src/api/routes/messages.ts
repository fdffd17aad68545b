import { Router, type Request, type Response } from 'express';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { http } from '../../channels/http/index.ts';
import { findTurn, type LedgerTurn } from '../../db/ledger.ts';
import { ACCEPT_WITHIN_MS } from '../../domain/timing.ts';
import type { AcceptMessage } from '../../intake/accept-message.ts';
import { outcomeOf, type MessageOutcome } from '../../intake/message-outcome.ts';
import { retryMessage } from '../../intake/retry-message.ts';
import { tenantOf } from '../auth.ts';
import { badField, notFound, Problem, problemOf } from '../problems.ts';
import { isUuid } from '../uuid.ts';

const MAX_WAIT_SECONDS = 120;

/** `POST /agents/{agentId}/messages` and `GET /messages/{messageId}`. */
export function messageRoutes(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  accept: AcceptMessage;
  /** Aborted when the server shuts down: waiting requests are answered 202 then. */
  closing: AbortSignal;
}): Router {
  const { pool, temporal, accept, closing } = dependencies;
  const router = Router();

  router.post('/agents/:agentId/messages', async (req, res) => {
    const tenantId = tenantOf(res);
    const { agentId } = req.params;
    const deadline = Date.now() + ACCEPT_WITHIN_MS;
    const idempotencyKey = req.get('idempotency-key');
    const received = await http.receive({ tenantId, agentId, body: req.body, idempotencyKey });
    if (received.kind === 'invalid') throw badField(received);
    if (!isUuid(agentId)) throw notFound('agent');
    const taken = await accept(received.message, { deadline });
    if (taken.kind !== 'accepted') throw problemOf(taken);
    const { turn } = taken;

    const waitMs = preferredWaitMs(req);
    const outcome: MessageOutcome =
      waitMs === 0
        ? { state: 'accepted' }
        : await outcomeOf({ pool, temporal }, tenantId, turn, {
            waitMs,
            signal: goneOrClosing(res, closing),
          });
    if (waitMs > 0) res.set('Preference-Applied', `wait=${waitMs / 1000}`);
    sendOutcome(res, turn, outcome, 202);
  });

  router.get('/messages/:messageId', async (req, res) => {
    const tenantId = tenantOf(res);
    const { messageId } = req.params;
    const turn = isUuid(messageId) ? await findTurn(pool, tenantId, messageId) : undefined;
    if (!turn) throw notFound('message');
    const waitMs = preferredWaitMs(req);
    const signal = goneOrClosing(res, closing);
    sendOutcome(res, turn, await outcomeOf({ pool, temporal }, tenantId, turn, { waitMs, signal }), 200);
  });

  router.post('/messages/:messageId/retry', async (req, res) => {
    const tenantId = tenantOf(res);
    const { messageId } = req.params;
    const turn = isUuid(messageId) ? await findTurn(pool, tenantId, messageId) : undefined;
    if (!turn) throw notFound('message');
    const retried = await retryMessage({ pool, temporal }, tenantId, turn);
    if (retried.kind !== 'accepted') throw problemOf(retried);
    const waitMs = preferredWaitMs(req);
    const signal = goneOrClosing(res, closing);
    const outcome: MessageOutcome =
      waitMs === 0
        ? { state: 'accepted' }
        : await outcomeOf({ pool, temporal }, tenantId, turn, { waitMs, signal });
    sendOutcome(res, turn, outcome, 202);
  });

  return router;
}

function sendOutcome(
  res: Response,
  turn: LedgerTurn,
  outcome: MessageOutcome,
  pendingStatus: 200 | 202,
): void {
  const { messageId, workflowId } = turn;
  res.set('Location', `/v1/messages/${messageId}`);
  switch (outcome.state) {
    case 'done':
      res.json({ messageId, workflowId, ...outcome });
      return;
    case 'failed':
      // To whoever waits it is an error; to whoever looks the message up it is its state.
      if (pendingStatus === 200) {
        res.json({ messageId, workflowId, ...outcome });
        return;
      }
      throw new Problem(502, 'No reply', outcome.reply.text, {
        members: { messageId, workflowId, ...outcome },
      });
    case 'accepted':
    case 'refused':
      res.status(pendingStatus).json({ messageId, workflowId, state: outcome.state });
  }
}

/**
 * Milliseconds of `Prefer: wait=60` (RFC 7240), at most two minutes; 0 when the client doesn't ask to wait.
 */
function preferredWaitMs(req: Request): number {
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})/i.exec(req.get('prefer') ?? '')?.[1];
  return Math.min(Number(seconds ?? 0), MAX_WAIT_SECONDS) * 1000;
}

function goneOrClosing(res: Response, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, closing]);
}
