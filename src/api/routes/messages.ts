import { Router, type Request, type Response } from 'express';
import type pg from 'pg';
import type { HttpChannel } from '../../channels/http/index.ts';
import { findTurn, type LedgerTurn } from '../../db/ledger.ts';
import { ACCEPT_WITHIN_MS } from '../../domain/timing.ts';
import { createShares } from '../../lib/shares.ts';
import type { AcceptMessage } from '../../intake/accept-message.ts';
import { outcomeOf, type MessageOutcome } from '../../intake/message-outcome.ts';
import type { Pace } from '../../intake/pace.ts';
import type { RateLimiter } from '../../intake/rate-limiter.ts';
import { retryMessage } from '../../intake/retry-message.ts';
import type { TurnStarter } from '../../intake/start-turn.ts';
import { keyOf, tenantOf } from '../admission.ts';
import { ANSWERED, MESSAGE, PENDING, sendJson } from '../answers.ts';
import { badField, notFound, Problem, problemOf } from '../problems.ts';
import { goneOrClosing, preferredWaitMs } from '../prefer.ts';
import { toUuid } from '../uuid.ts';

/** `POST /agents/{agentId}/messages` and `GET /messages/{messageId}`. */
export function messageRoutes(
  dependencies: TurnStarter & {
    pool: pg.Pool;
    accept: AcceptMessage;
    rateLimiter: RateLimiter;
    pace: Pace;
    http: HttpChannel;
    /** Aborted when the server shuts down: waiting requests are answered 202 then. */
    closing: AbortSignal;
    /** Requests that wait for their replies at once (see `createShares`). */
    waitingRequests: number;
  },
): Router {
  const { pool, temporal, accept, http, closing, waitingRequests } = dependencies;
  const router = Router();
  const waiting = createShares(waitingRequests);

  /** What has become of a turn, waited for as the client prefers while its tenant has room to wait. */
  const waitFor = async (req: Request, res: Response, turn: LedgerTurn): Promise<MessageOutcome> => {
    const tenantId = tenantOf(res);
    const preferredMs = preferredWaitMs(req);
    const giveBack = preferredMs > 0 ? waiting.take(tenantId) : undefined;
    const waitMs = giveBack ? preferredMs : 0;
    // Nobody needs to look how a message is that was accepted just now.
    if (waitMs === 0 && req.method === 'POST') return { state: 'accepted' };
    try {
      if (waitMs > 0) res.set('Preference-Applied', `wait=${waitMs / 1000}`);
      const signal = goneOrClosing(res, closing);
      return await outcomeOf({ pool, temporal }, tenantId, turn, { waitMs, signal });
    } finally {
      giveBack?.();
    }
  };

  router.post('/agents/:agentId/messages', async (req, res) => {
    const tenantId = tenantOf(res);
    const agentId = toUuid(req.params.agentId);
    const deadline = Date.now() + ACCEPT_WITHIN_MS;
    const idempotencyKey = req.get('idempotency-key');
    if (!agentId) throw notFound('agent');
    const received = await http.receive({ tenantId, agentId, body: req.body, idempotencyKey });
    if (received.kind === 'invalid') throw badField(received);
    const taken = await accept({ ...received.message, apiKeyId: keyOf(res).firstId }, { deadline });
    if (taken.kind !== 'accepted') throw problemOf(taken);
    // Sent with another key before: its reply is that key's.
    if (!isOwn(res, taken.turn)) throw problemOf({ kind: 'key-reused' });
    const { turn } = taken;
    sendOutcome(res, turn, await waitFor(req, res, turn), 202);
  });

  router.get('/messages/:messageId', async (req, res) => {
    const tenantId = tenantOf(res);
    const messageId = toUuid(req.params.messageId);
    const turn = messageId && (await findTurn(pool, tenantId, messageId));
    if (!turn || !isOwn(res, turn)) throw notFound('message');
    sendOutcome(res, turn, await waitFor(req, res, turn), 200);
  });

  router.post('/messages/:messageId/retry', async (req, res) => {
    const tenantId = tenantOf(res);
    const messageId = toUuid(req.params.messageId);
    const turn = messageId && (await findTurn(pool, tenantId, messageId));
    if (!turn || !isOwn(res, turn)) throw notFound('message');
    const retried = await retryMessage(dependencies, tenantId, turn);
    if (retried.kind !== 'accepted') throw problemOf(retried);
    sendOutcome(res, turn, await waitFor(req, res, turn), 202);
  });

  return router;
}

/** Whether the key may see this message: one of the role `chat` sees what was sent with it. */
function isOwn(res: Response, turn: LedgerTurn): boolean {
  const { role, firstId } = keyOf(res);
  return role !== 'chat' || turn.apiKeyId === firstId;
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
      sendJson(res, ANSWERED, { messageId, workflowId, ...outcome });
      return;
    case 'failed':
      // To whoever waits it is an error; to whoever looks the message up it is its state.
      if (pendingStatus === 200) {
        sendJson(res, MESSAGE, { messageId, workflowId, ...outcome });
        return;
      }
      throw new Problem(502, 'No reply', outcome.reply.text, {
        members: { messageId, workflowId, ...outcome },
      });
    case 'erased':
      sendJson(res, ANSWERED, { messageId, workflowId, state: outcome.state });
      return;
    case 'accepted':
    case 'refused':
      sendJson(res.status(pendingStatus), PENDING, { messageId, workflowId, state: outcome.state });
  }
}
