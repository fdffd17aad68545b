/** Server-sent events, and a reply as such. */
import type { Request, Response } from 'express';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { LedgerTurn, TurnState } from '../db/ledger.ts';
import { followReply, type ReplyEvent } from '../intake/follow-reply.ts';
import { NOTHING, type Shown } from '../intake/reply-view.ts';
import type { FairPlaces } from '../lib/fair-places.ts';
import type { Shares } from '../lib/shares.ts';
import type { RedisClient } from '../redis/connection.ts';
import type { EVENT_ACCEPTED, EVENT_DELTA, MESSAGE } from './answers.ts';
import { bodyOf } from './message-body.ts';
import { goneOrClosing } from './prefer.ts';
import { whenClosed } from './reader.ts';
import { measureUntaken } from './untaken.ts';

export type StreamDependencies = {
  pool: pg.Pool;
  temporal: Client;
  redis: RedisClient;
  log: Logger;
  /** The requests that wait for their replies. */
  waiting: Shares;
  /** The places of those that ask Temporal how a message or an import is. */
  looking: FairPlaces;
  /** Aborted when the server shuts down: streams end then, and their readers come back elsewhere. */
  closing: AbortSignal;
};

/** A proxy that hears nothing for a minute closes the connection. */
const ALIVE_EVERY_MS = 15_000;
/** Then its reader comes back with its key, which may have been revoked. */
const STREAM_WITHIN_MS = 10 * 60_000;
/** How long a reader waits before it comes back. */
const COME_BACK_MS = 500;

/** The id of a stream's last event says how the message has ended. */
const endIdOf = (state: TurnState): string => `end-${state}`;

/** Whether the client asks for events, and no less for JSON. */
export const wantsEvents = (req: Request): boolean =>
  req.accepts(['application/json', 'text/event-stream']) === 'text/event-stream';

/**
 * Whether the reader has the end already. Told so by 204, it doesn't come back. Of what has no reply for good
 * there may be one later: when it has been retried.
 */
export function hasTheEnd(req: Request, { state }: LedgerTurn): boolean {
  const lastId = req.get('last-event-id');
  return lastId === endIdOf('done') || lastId === endIdOf('erased') || lastId === endIdOf(state);
}

/**
 * Sends the reply to a message as events: `accepted`, `delta`…, `done` or `failed`, and `reset` where the
 * text begins anew. An id says how much of which text its reader has, so any API process can go on behind
 * it. Never rejects: a stream that breaks is taken up again by its reader.
 */
export async function sendReplyEvents(
  { log, closing, ...dependencies }: StreamDependencies,
  req: Request,
  res: Response,
  { tenantId, turn }: { tenantId: string; turn: LedgerTurn },
): Promise<void> {
  const { messageId, workflowId } = turn;
  const lastId = req.get('last-event-id');
  const from = lastId === undefined ? NOTHING : readId(lastId);
  const stream = openEvents(res);
  const send = ([id, name, data]: AsSent): Promise<void> => stream.send(id, name, data);
  const signal = goneOrClosing(res, closing, STREAM_WITHIN_MS);
  try {
    if (lastId === undefined) await send([idOf(from), 'accepted', { messageId, workflowId }]);
    for await (const event of followReply(dependencies, tenantId, turn, { from, signal })) {
      await send(asEvent(turn, event));
    }
    res.end();
  } catch (error) {
    log.warn({ err: error, messageId }, 'a stream of events has broken');
    res.destroy();
  }
}

/** What each event carries, as the description says. */
type EventData = {
  accepted: z.input<typeof EVENT_ACCEPTED.schema>;
  delta: z.input<typeof EVENT_DELTA.schema>;
  reset: Record<string, never>;
  done: z.input<typeof MESSAGE.schema>;
  failed: z.input<typeof MESSAGE.schema>;
};
type AsSent = { [Name in keyof EventData]: [id: string, name: Name, data: EventData[Name]] }[keyof EventData];

function asEvent(turn: LedgerTurn, event: ReplyEvent): AsSent {
  switch (event.kind) {
    case 'delta':
      return [idOf(event.shown), 'delta', { text: event.text }];
    case 'reset':
      return [idOf(event.shown), 'reset', {}];
    case 'end':
      return [
        endIdOf(event.outcome.state),
        event.outcome.state === 'done' ? 'done' : 'failed',
        bodyOf(turn, event.outcome),
      ];
  }
}

const idOf = ({ length, digest }: Shown): string => `${length}-${digest}`;

/** What an id says; of one that is none of ours a text that is the beginning of nothing. */
function readId(id: string): Shown {
  const [, length = '1', digest = ''] = /^(\d{1,7})-([\w-]{16})$/.exec(id) ?? [];
  return { length: Number(length), digest };
}

export type EventWriter = {
  /** Resolves when the client takes more, or is gone: the server closes one that takes nothing for long. */
  write(text: string): Promise<void>;
  send(id: string, name: string, data: object): Promise<void>;
};

/** Begins an answer that is a stream of events. */
export function openEvents(res: Response): EventWriter {
  res.status(200).set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' }).flushHeaders();
  const alive = setInterval(() => {
    // One that has ended may wait for long, for an earlier answer of its connection say.
    if (res.writableEnded) clearInterval(alive);
    else if (!res.writableNeedDrain) res.write(': alive\n\n');
  }, ALIVE_EVERY_MS);
  whenClosed(res, () => clearInterval(alive));
  const write = async (text: string): Promise<void> => {
    // Of one that is gone nothing is asked any more. Of a text that waits its letters would be counted.
    if (res.closed || res.writableEnded || res.write(Buffer.from(text))) return;
    measureUntaken(res);
    await new Promise<void>((resolve) => {
      const taken = (): void => {
        res.off('drain', taken).off('close', taken);
        resolve();
      };
      res.once('drain', taken).once('close', taken);
    });
  };
  return {
    write,
    send: (id, name, data) =>
      write(`retry: ${COME_BACK_MS}\nid: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`),
  };
}
