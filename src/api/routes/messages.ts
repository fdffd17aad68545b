import { Router, type Request, type Response } from 'express';
import { findTurn, type LedgerTurn } from '../../db/ledger.ts';
import { createFairPlaces } from '../../lib/fair-places.ts';
import { outcomeOf, type MessageOutcome } from '../../intake/message-outcome.ts';
import type { Pace } from '../../intake/pace.ts';
import type { RateLimiter } from '../../intake/rate-limiter.ts';
import { RETRIES_AT_ONCE, retryMessage } from '../../intake/retry-message.ts';
import type { TurnStarter } from '../../intake/start-turn.ts';
import { isOwn, type AcceptHttp } from '../accept-http.ts';
import { keyOf, tenantOf } from '../admission.ts';
import { MESSAGE, sendJson } from '../answers.ts';
import { hasTheEnd, sendReplyEvents, wantsEvents, type StreamDependencies } from '../event-stream.ts';
import { lookUpFor } from '../look-up.ts';
import { bodyOf } from '../message-body.ts';
import { notFound, Problem, problemOf } from '../problems.ts';
import { goneOrClosing, preferredWaitMs } from '../prefer.ts';
import { takeWaitingPlace, tryWaitingPlace } from '../waiting-places.ts';
import { toUuid } from '../uuid.ts';

/** `POST /agents/{agentId}/messages`, `GET /messages/{messageId}` and its events. */
export function messageRoutes(
  dependencies: TurnStarter &
    // When the server shuts down, waiting requests are answered 202.
    StreamDependencies & {
      acceptHttp: AcceptHttp;
      rateLimiter: RateLimiter;
      pace: Pace;
    },
): Router {
  const { pool, temporal, acceptHttp, closing, waiting, looking } = dependencies;
  const places = createFairPlaces(RETRIES_AT_ONCE);
  const router = Router();

  /** What has become of a turn, waited for as the client prefers while its tenant has room to wait. */
  const waitFor = async (req: Request, res: Response, turn: LedgerTurn): Promise<MessageOutcome> => {
    const tenantId = tenantOf(res);
    const preferredMs = preferredWaitMs(req);
    const giveBack = preferredMs > 0 ? tryWaitingPlace(waiting, tenantId, res) : undefined;
    const waitMs = giveBack ? preferredMs : 0;
    // Nobody needs to look how a message is that was accepted just now.
    if (waitMs === 0 && req.method === 'POST') return { state: 'accepted' };
    if (waitMs === 0) {
      const look = () => outcomeOf({ pool, temporal }, tenantId, turn, { waitMs });
      const owner = { tenantId, userId: keyOf(res).id };
      return lookUpFor(res, closing, 'The message', (signal) => looking(owner, signal, look));
    }
    try {
      res.set('Preference-Applied', `wait=${waitMs / 1000}`);
      const signal = goneOrClosing(res, closing);
      return await outcomeOf({ pool, temporal }, tenantId, turn, { waitMs, signal });
    } finally {
      giveBack?.();
    }
  };

  router.post('/agents/:agentId/messages', async (req, res) => {
    const tenantId = tenantOf(res);
    const agentId = toUuid(req.params.agentId);
    if (!agentId) throw notFound('agent');
    const isStreamed = wantsEvents(req);
    if (isStreamed) takeWaitingPlace(waiting, tenantId, res);
    const idempotencyKey = req.get('idempotency-key');
    const turn = await acceptHttp(keyOf(res), { agentId, body: req.body, idempotencyKey });
    if (isStreamed) await sendReplyEvents(dependencies, req, locate(res, turn), { tenantId, turn });
    else sendOutcome(res, turn, await waitFor(req, res, turn), 202);
  });

  /** The message that a path names, if the key may see it. */
  const ownTurn = async (req: Request, res: Response): Promise<LedgerTurn> => {
    const messageId = toUuid(String(req.params['messageId']));
    const turn = messageId && (await findTurn(pool, tenantOf(res), messageId));
    if (!turn || !isOwn(keyOf(res), turn)) throw notFound('message');
    return turn;
  };
  const sendEvents = async (req: Request, res: Response, turn: LedgerTurn): Promise<void> => {
    if (hasTheEnd(req, turn)) {
      res.status(204).end();
      return;
    }
    const tenantId = tenantOf(res);
    takeWaitingPlace(waiting, tenantId, res);
    await sendReplyEvents(dependencies, req, locate(res, turn), { tenantId, turn });
  };

  router.get('/messages/:messageId', async (req, res) => {
    const turn = await ownTurn(req, res);
    if (wantsEvents(req)) await sendEvents(req, res, turn);
    else sendOutcome(res, turn, await waitFor(req, res, turn), 200);
  });
  router.get('/messages/:messageId/events', async (req, res) => {
    await sendEvents(req, res, await ownTurn(req, res));
  });

  router.post('/messages/:messageId/retry', async (req, res) => {
    const tenantId = tenantOf(res);
    const turn = await ownTurn(req, res);
    const retried = await retryMessage({ ...dependencies, places }, tenantId, turn);
    if (retried.kind !== 'accepted') throw problemOf(retried);
    const again: LedgerTurn = { ...turn, state: 'accepted' };
    sendOutcome(res, again, await waitFor(req, res, again), 202);
  });

  return router;
}

/** Says where a message is. */
const locate = (res: Response, { messageId }: LedgerTurn): Response =>
  res.set('Location', `/v1/messages/${messageId}`);

function sendOutcome(
  res: Response,
  turn: LedgerTurn,
  outcome: MessageOutcome,
  pendingStatus: 200 | 202,
): void {
  locate(res, turn);
  const body = bodyOf(turn, outcome);
  switch (outcome.state) {
    case 'done':
    case 'erased':
      sendJson(res, MESSAGE, body);
      return;
    case 'failed':
      // To whoever waits it is an error; to whoever looks the message up it is its state.
      if (pendingStatus === 202)
        throw new Problem(502, 'No reply', outcome.reply.text, { members: { ...body } });
      sendJson(res, MESSAGE, body);
      return;
    case 'accepted':
    case 'refused':
      sendJson(res.status(pendingStatus), MESSAGE, body);
  }
}
