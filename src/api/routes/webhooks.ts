import { raw, Router, type Request, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { readRequest } from '../../channels/slack/inbound/events.ts';
import { isFromSlack } from '../../channels/slack/inbound/signature.ts';
import type { AcceptMessage } from '../../intake/accept-message.ts';
import { ANSWER_WITHIN_MS } from '../../lib/within.ts';
import { Problem, unavailable } from '../problems.ts';
import { createSlackIntake, type SlackSettings } from '../../channels/slack/inbound/receive.ts';

const MAX_BODY = '1mb';

/**
 * `POST /events` and `POST /interactions`. A request counts only with Slack's signature, made within five
 * minutes. A 200 means that the message is durable or doesn't concern us; a 503 that Slack should send it
 * again, which it does at once, after a minute and after five. A retry is treated like a first delivery.
 */
export function slackRoutes(dependencies: {
  slack: SlackSettings;
  redis: Redis;
  accept: AcceptMessage;
  registry: Registry;
  log: Logger;
}): Router {
  const { slack, registry, log } = dependencies;
  const outcomes = new Counter({
    name: 'konstruct_slack_events_total',
    help: 'Events from Slack, by what became of them: accepted, or why they were ignored.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const take = createSlackIntake(dependencies);
  const router = Router();
  // The signature is over the bytes as they came.
  router.use(raw({ type: () => true, limit: MAX_BODY }), requireSlack(slack.signingSecret));

  router.post('/events', async (req, res) => {
    const deadline = Date.now() + ANSWER_WITHIN_MS;
    const request = readRequest(bodyOf(req));
    switch (request?.kind) {
      case 'challenge':
        res.json({ challenge: request.challenge });
        return;
      case 'event': {
        const outcome = await takeWithin(deadline, request);
        outcomes.inc({ outcome });
        log.debug({ outcome, team: request.teamId }, 'Slack event');
        break;
      }
      case 'other':
        if (request.type === 'app_rate_limited') log.warn('Slack holds events back: too many in a minute');
        outcomes.inc({ outcome: 'other_request' });
        break;
      case undefined:
        outcomes.inc({ outcome: 'unreadable' });
        break;
    }
    res.status(200).end();
  });

  // No message of ours has buttons yet; Slack wants an answer all the same.
  router.post('/interactions', (_req, res) => {
    res.status(200).end();
  });

  return router;

  async function takeWithin(deadline: number, request: Parameters<typeof take>[0]): Promise<string> {
    try {
      return await take(request, deadline);
    } catch (error) {
      if (error instanceof Problem && error.status < 500) {
        // A redelivery would fare no better, and too many of them make Slack switch the app's events off.
        log.error({ err: error, team: request.teamId }, 'a message from Slack can not be accepted');
        return 'rejected';
      }
      outcomes.inc({ outcome: 'unavailable' });
      if (error instanceof Problem) throw error;
      log.error({ err: error }, 'a message from Slack could not be taken');
      throw unavailable('A service');
    }
  }
}

function requireSlack(signingSecret: string): RequestHandler {
  return (req, _res, next) => {
    const request = {
      timestamp: req.get('x-slack-request-timestamp'),
      signature: req.get('x-slack-signature'),
      body: bodyOf(req),
    };
    if (!isFromSlack(request, signingSecret)) {
      throw new Problem(
        401,
        'Unauthorized',
        'The request is not signed by Slack, or not within five minutes.',
      );
    }
    next();
  };
}

function bodyOf(req: Request): string {
  const body: unknown = req.body;
  return Buffer.isBuffer(body) ? body.toString('utf8') : '';
}
