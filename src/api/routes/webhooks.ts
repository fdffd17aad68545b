import {
  raw,
  Router,
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { WebhookChannel, WebhookRequest } from '../../channels/channel.ts';
import { MAX_MESSAGE_BODY_BYTES } from '../../intake/fields.ts';
import { heldUntilTaken } from '../../lib/held-until-taken.ts';
import type { TakeEvent } from '../channel-intake.ts';
import { unauthorized } from '../problems.ts';

/**
 * `POST /{channel}/{path}` for every channel that calls us, and its pages. A 200 means that the message is
 * durable, or that there is none for the agent; a 503 that the channel should send the request again. A
 * redelivery is treated like a first delivery.
 */
export function webhookRoutes(dependencies: {
  channels: readonly WebhookChannel[];
  takeEvent: TakeEvent;
}): Router {
  const { channels, takeEvent } = dependencies;
  const router = Router();
  for (const channel of channels) {
    // As it came: signatures are over the bytes. A message that is legal over HTTP is legal here.
    const limit = Math.max(channel.maxBodyBytes, MAX_MESSAGE_BODY_BYTES);
    const readBody = raw({ type: () => true, inflate: false, limit });
    for (const { path, serve } of channel.pages ?? []) {
      router.get(`/${channel.name}/${path}`, (req, res) => serve(req, res));
    }
    for (const path of channel.paths) {
      const proven = [requireProof(channel), readBody, leaveOutTooLarge(channel, takeEvent)];
      router.post(`/${channel.name}/${path}`, ...proven, async (req: Request, res: Response) => {
        // The bytes are needed until the channel has read them, and not while the message is taken in.
        const take = heldUntilTaken(toWebhookRequest(req, path));
        const body = await takeEvent(channel.name, (deadline) => channel.receive(take(), deadline));
        if (body === undefined) res.status(200).end();
        else res.json(body);
      });
    }
  }
  return router;
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

/**
 * What is longer than anything that can be taken is left out, and counted: it would be as long again, and a
 * channel that sees many failures stops sending to everybody.
 */
function leaveOutTooLarge(channel: WebhookChannel, takeEvent: TakeEvent): ErrorRequestHandler {
  return async (error: unknown, _req, res, next) => {
    if (!isTooLarge(error)) {
      next(error);
      return;
    }
    await takeEvent(channel.name, () =>
      // Whoever sent it has proven nothing, so it says nothing of what the channel sees.
      Promise.resolve({ kind: 'ignored', reason: 'too_large', isOnce: true }),
    );
    res.set('Connection', 'close').status(200).end();
  };
}

const isTooLarge = (error: unknown): boolean =>
  Error.isError(error) && 'type' in error && error.type === 'entity.too.large';

function toWebhookRequest(req: Request, path: string): WebhookRequest {
  const body: unknown = req.body;
  req.body = undefined;
  return {
    path,
    header: (name) => req.get(name),
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
  };
}
