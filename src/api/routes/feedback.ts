import { Router } from 'express';
import type pg from 'pg';
import { listFeedback } from '../../db/feedback.ts';
import { tenantOf } from '../admission.ts';
import { FEEDBACK } from '../answers-slack.ts';
import { sendJson } from '../answers.ts';
import { pageOf } from '../cursor.ts';
import { pageQuery, validate } from '../schemas.ts';

/** `GET /feedback`: what people think of replies, newest first, paged. */
export function feedbackRoutes({ pool }: { pool: pg.Pool }): Router {
  const router = Router();
  router.get('/feedback', async (req, res) => {
    const tenantId = tenantOf(res);
    const asked = validate(pageQuery, req.query, 'query');
    const { page, nextCursor } = await pageOf(asked, (rows) => listFeedback(pool, tenantId, rows));
    sendJson(res, FEEDBACK, { feedback: page.map(({ id: _, ...one }) => one), nextCursor });
  });
  return router;
}
