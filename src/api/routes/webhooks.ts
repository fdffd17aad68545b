import { raw, Router, type Request, type RequestHandler } from 'express';
import type { WebhookChannel, WebhookRequest } from '../../channels/channel.ts';
import { MAX_MESSAGE_BODY_BYTES } from '../../intake/fields.ts';
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
      router.post(`/${channel.name}/${path}`, requireProof(channel), readBody, async (req, res) => {
        const request = toWebhookRequest(req, path);
        const body = await takeEvent(channel.name, (deadline) => channel.receive(request, deadline));
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

function toWebhookRequest(req: Request, path: string): WebhookRequest {
  const body: unknown = req.body;
  return {
    path,
    header: (name) => req.get(name),
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
  };
}
