import { Router } from 'express';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { EncryptionConfig } from '../../config/index.ts';
import { findTurn } from '../../db/ledger.ts';
import { FAILURE } from '../../domain/failures.ts';
import { embedAndStoreWorkflowId } from '../../domain/ids.ts';
import { reach } from '../../intake/availability.ts';
import { createFairPlaces } from '../../lib/fair-places.ts';
import { fetchBoundedHistory } from '../../temporal/history.ts';
import { refusalBehind } from '../../temporal/payload-codec.ts';
import { readStory, type Story } from '../../temporal/story.ts';
import { keyOf, tenantOf } from '../admission.ts';
import { STORY } from '../answers-console.ts';
import { sendJson } from '../answers.ts';
import { lookUpFor } from '../look-up.ts';
import { notFound } from '../problems.ts';
import { toUuid } from '../uuid.ts';

/** A turn has some thirty events; one that many others wait for has some more of each. */
const MOST_EVENTS = 1_000;
const WITHIN_MS = 5_000;
/** Of a tenant that is alone: each decrypts all that a turn was given and has made. Others wait. */
const STORIES_AT_ONCE = 2;

/** What our own failures say is fit for a tenant. Others may name addresses of the deployment. */
const OURS: ReadonlySet<string> = new Set(Object.values(FAILURE));

/** `GET /messages/{messageId}/story`: a turn step by step, as `npm run replay` tells it. */
export function storyRoutes({
  pool,
  temporal,
  encryption,
  closing,
}: {
  pool: pg.Pool;
  temporal: Client;
  encryption: EncryptionConfig;
  closing: AbortSignal;
}): Router {
  const router = Router();
  const places = createFairPlaces(STORIES_AT_ONCE);

  /** Undefined when Temporal knows it no more, or this process can't read it. */
  const storyOf = async (workflowId: string): Promise<(Story & { isPart: boolean }) | undefined> => {
    const deadline = Date.now() + WITHIN_MS;
    const fetching = temporal.withDeadline(deadline, () =>
      fetchBoundedHistory(temporal, workflowId, MOST_EVENTS),
    );
    const recorded = await reach('Temporal', deadline, fetching);
    if (!recorded) return undefined;
    try {
      const story = await readStory(recorded, encryption.keys, (type) => OURS.has(type));
      return { ...story, isPart: recorded.isPart };
    } catch (error) {
      if (refusalBehind(error)) return undefined;
      throw error;
    }
  };

  router.get('/messages/:messageId/story', async (req, res) => {
    const tenantId = tenantOf(res);
    const messageId = toUuid(req.params.messageId);
    const turn = messageId && (await findTurn(pool, tenantId, messageId));
    if (!turn || turn.state === 'erased') throw notFound('message');
    const owner = { tenantId, userId: keyOf(res).id };
    const [story, stored] = await lookUpFor(res, closing, 'The story', (signal) =>
      places(owner, signal, () =>
        Promise.all([storyOf(turn.workflowId), storyOf(embedAndStoreWorkflowId(tenantId, messageId))]),
      ),
    );
    if (!story) throw notFound('story: Temporal has forgotten the turn, or it can’t be read with these keys');
    sendJson(res, STORY, {
      ...told(story),
      prompt: story.turn?.prompt ?? null,
      reply: story.turn?.reply?.text ?? null,
      stored: stored ? told(stored) : null,
    });
  });

  return router;
}

function told(story: Story & { isPart: boolean }) {
  const { workflowId, type, state, startedAt, durationMs, failure, isPart, steps } = story;
  return {
    workflowId,
    type,
    state,
    startedAt: startedAt.toISOString(),
    durationMs,
    ...(failure !== undefined && { failure }),
    isPart,
    steps: steps.map(({ eventId: _, ...step }) => step),
  };
}
