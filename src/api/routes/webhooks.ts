import { raw, Router, type Request, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import type { WebhookChannel, WebhookRequest } from '../../channels/channel.ts';
import { ACCEPT_WITHIN_MS } from '../../domain/timing.ts';
import type { AcceptMessage } from '../../intake/accept-message.ts';
import { MAX_MESSAGE_BODY_BYTES } from '../../intake/fields.ts';
import type { IntakeOutcome } from '../../intake/outcomes.ts';
import { badField, Problem, problemOf, unauthorized, unavailable } from '../problems.ts';

/**
 * `POST /{channel}/{path}` for every channel that calls us. A 200 means that the message is durable, or that
 * there is none for the agent; a 503 that the channel should send the request again. A redelivery is treated
 * like a first delivery.
 */
export function webhookRoutes(dependencies: {
  channels: readonly WebhookChannel[];
  accept: AcceptMessage;
  registry: Registry;
  log: Logger;
}): Router {
  const { channels, accept, registry, log } = dependencies;
  const outcomes = new Counter({
    name: 'konstruct_channel_events_total',
    help: 'Events from channels: accepted, or why they were not.',
    labelNames: ['channel', 'outcome'],
    registers: [registry],
  });
  const router = Router();
  for (const channel of channels) {
    // As it came: signatures are over the bytes. A message that is legal over HTTP is legal here.
    const readBody = raw({ type: () => true, limit: Math.max(channel.maxBodyBytes, MAX_MESSAGE_BODY_BYTES) });
    for (const { path, serve } of channel.pages ?? []) {
      router.get(`/${channel.name}/${path}`, (req, res) => serve(req, res));
    }
    for (const path of channel.paths) {
      router.post(`/${channel.name}/${path}`, requireProof(channel), readBody, async (req, res) => {
        const body = await answer(channel, toWebhookRequest(req, path));
        if (body === undefined) res.status(200).end();
        else res.json(body);
      });
    }
  }
  return router;

  /** The body of a 200, or a Problem. */
  async function answer(channel: WebhookChannel, request: WebhookRequest) {
    const count = (outcome: string): void => {
      outcomes.inc({ channel: channel.name, outcome });
      log.debug({ channel: channel.name, outcome }, 'channel event');
    };
    try {
      return await take(channel, request, count);
    } catch (error) {
      if (error instanceof Problem) throw error;
      log.error({ err: error, channel: channel.name }, 'a channel’s event could not be taken');
      count('unavailable');
      throw unavailable('A service');
    }
  }

  async function take(channel: WebhookChannel, request: WebhookRequest, count: (outcome: string) => void) {
    const deadline = Date.now() + ACCEPT_WITHIN_MS;
    const received = await channel.receive(request, deadline);
    switch (received.kind) {
      case 'answered':
        return received.body;
      case 'ignored':
        count(received.reason);
        return undefined;
      case 'unauthenticated':
        throw unauthorized(received.needed);
      case 'invalid':
        throw badField(received);
      case 'unavailable':
        count('unavailable');
        throw unavailable(received.service);
      case 'message': {
        const taken = await accept(received.message, { deadline });
        received.settled?.(taken);
        count(wordFor(taken));
        // The channel delivers both again.
        if (taken.kind === 'unavailable' || taken.kind === 'over-share') throw problemOf(taken);
        if (wordFor(taken) === 'rejected') {
          // A redelivery would fare no better, and a channel that sees many failures stops sending.
          log.error({ channel: channel.name, reason: taken.kind }, 'a channel’s message can not be accepted');
        }
        return undefined;
      }
    }
  }
}

/**
 * Refuses by its headers alone what can't be the channel's: nobody without a proof makes us read his body.
 */
function requireProof(channel: WebhookChannel): RequestHandler {
  return (req, _res, next) => {
    const needed = channel.unproven?.((name) => req.get(name));
    // The connection goes too, since the body is still on its way.
    if (needed !== undefined) throw unauthorized(needed, { Connection: 'close' });
    next();
  };
}

/** The outcome as it is counted: few words, so that the metric stays small. */
function wordFor(taken: IntakeOutcome): 'accepted' | 'rejected' | 'rate_limited' | 'unavailable' {
  switch (taken.kind) {
    case 'accepted':
    case 'unavailable':
      return taken.kind;
    case 'rate-limited':
    case 'over-share':
      return 'rate_limited';
    case 'unknown-agent':
    case 'key-reused':
      return 'rejected';
  }
}

function toWebhookRequest(req: Request, path: string): WebhookRequest {
  const body: unknown = req.body;
  return {
    path,
    header: (name) => req.get(name),
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
  };
}
