import { Router, type Request, type Response } from 'express';
import type pg from 'pg';
import { findAgentsNamed, findAgent, listAgentNames } from '../../db/agents.ts';
import type { LedgerTurn } from '../../db/ledger.ts';
import { ACCEPT_WITHIN_MS } from '../../domain/timing.ts';
import { followReply } from '../../intake/follow-reply.ts';
import { NOTHING } from '../../intake/reply-view.ts';
import type { AcceptHttp } from '../accept-http.ts';
import { keyOf, tenantOf } from '../admission.ts';
import { sendJson } from '../answers.ts';
import { COMPLETION, MODELS } from '../answers-to-clients.ts';
import type { StreamDependencies } from '../event-stream.ts';
import { completionOf } from '../openai/answer.ts';
import { doneOf, sendChunks } from '../openai/chunks.ts';
import { readCompletionRequest } from '../openai/request.ts';
import { goneOrClosing } from '../prefer.ts';
import { badField, Problem } from '../problems.ts';
import { toUuid } from '../uuid.ts';
import { whenClosed } from '../reader.ts';
import { takeWaitingPlace } from '../waiting-places.ts';

/** How long a client waits for a reply here; its own patience is ten minutes unless it says otherwise. */
const REPLY_WITHIN_MS = 9 * 60_000;

/** `POST /chat/completions` and `GET /models`, as OpenAI's clients ask. */
export function openAiRoutes(dependencies: StreamDependencies & { acceptHttp: AcceptHttp }): Router {
  const { pool, temporal, acceptHttp, waiting, closing, log } = dependencies;
  const router = Router();

  /**
   * Whoever goes away before the reply has stopped it: nobody could ask for it again. With an Idempotency-Key
   * somebody can, so the turn goes on.
   */
  const stopWhenGone = (res: Response, turn: LedgerTurn): void => {
    whenClosed(res, () => {
      if (res.writableFinished || closing.aborted) return;
      const { workflowId, messageId } = turn;
      const stopping = temporal.withDeadline(Date.now() + ACCEPT_WITHIN_MS, () =>
        temporal.workflow.getHandle(workflowId).cancel(),
      );
      stopping.catch((error: unknown) => log.debug({ err: error, messageId }, 'nothing to stop'));
    });
  };

  /** Takes a message in. Apart from who waits for the reply, whose every variable is kept meanwhile. */
  const takeIn = async (req: Request, res: Response) => {
    const tenantId = tenantOf(res);
    const { model, userId, text, isStreamed, withUsage } = readCompletionRequest(req.body);
    takeWaitingPlace(waiting, tenantId, res);
    const agentId = await agentOf(pool, tenantId, model);
    const idempotencyKey = req.get('idempotency-key');
    const turn = await acceptHttp(keyOf(res), { agentId, body: { userId, text }, idempotencyKey });
    return { turn, isStreamed, withUsage };
  };

  router.post('/chat/completions', async (req, res) => {
    const { turn, isStreamed, withUsage } = await takeIn(req, res);
    const isRepeatable = req.get('idempotency-key') !== undefined;
    // Sent again by itself it would be another message.
    res.set('x-should-retry', String(isRepeatable));
    if (!isRepeatable) stopWhenGone(res, turn);
    const signal = goneOrClosing(res, closing, REPLY_WITHIN_MS);
    const events = followReply(dependencies, tenantOf(res), turn, { from: NOTHING, signal });
    if (isStreamed) await sendChunks(res, turn, events, { withUsage });
    else sendJson(res, COMPLETION, completionOf(turn, await doneOf(turn, events)));
  });

  router.get('/models', async (_req, res) => {
    const agents = await listAgentNames(pool, tenantOf(res));
    const data = agents.map(({ id, name, createdAt }) => ({
      id,
      object: 'model' as const,
      created: Math.floor(createdAt.getTime() / 1_000),
      owned_by: 'konstruct' as const,
      name,
    }));
    sendJson(res, MODELS, { object: 'list', data });
  });

  return router;
}

/** The agent of this id or name. Throws a Problem when there is none, or more than one. */
async function agentOf(pool: pg.Pool, tenantId: string, model: string): Promise<string> {
  const id = toUuid(model);
  if (id && (await findAgent(pool, tenantId, id))) return id;
  const [agentId, another] = await findAgentsNamed(pool, tenantId, model);
  if (agentId === undefined) {
    throw new Problem(404, 'No such model', 'There is no agent of this id or name: see GET /v1/models.', {
      members: { code: 'model_not_found', errors: [{ field: 'model' }] },
    });
  }
  if (another === undefined) return agentId;
  throw badField({
    field: 'model',
    problem: 'is the name of more than one agent: give the id (see GET /v1/models)',
    isTooLarge: false,
  });
}
