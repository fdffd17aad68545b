import { promisify } from 'node:util';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { MOST_OF_A_BODY, tooManyFields } from '../intake/fields.ts';
import { hasBody } from '../lib/bounded-server.ts';
import { isTextWithin, type JsonSize } from '../lib/json-size.ts';
import type { LongWork } from '../lib/long-work.ts';
import { createRoom } from '../lib/room.ts';
import { tenantBehind } from './auth.ts';
import { bodyHasCome } from './calls-under-way.ts';
import { networkBehind } from './origin.ts';
import { badField, Problem, retryAfter } from './problems.ts';

const WITH_BODIES = new Set(['POST', 'PATCH', 'PUT', 'DELETE']);

/** Up to this length, parsing a body and checking it takes less than the rest of its request. */
const SMALL_BYTES = 16_000;
/** Of larger ones, so much of a process waits for its turn. */
export const WAITING_BYTES = 64_000_000;

/**
 * Reads the body of a call that may have one, of at most `limit` bytes. A body of another type is refused:
 * without it the call would mean something else, a key of the role `admin` say, where another role was asked
 * for. One of more values than `most` is refused before it is parsed, and one that is compressed before it is
 * read: it would take more memory than it was sent with. The handler reads `req.body` before it waits for
 * anything: the request keeps no body while a call waits, be that for minutes.
 */
export type ReadJson = (limit: number, most?: JsonSize) => RequestHandler;

const large = new WeakSet<Response>();

/** Whether the request of an answer brought so much that reading it has cost something. */
export const wasLarge = (res: Response): boolean => large.has(res);

/**
 * Makes what reads the bodies of a process. Large ones are parsed, and looked through by the handler behind,
 * as long work: nobody waits for more than one body of each other tenant, however many of them come.
 */
export function createReadJson(longWork: LongWork, waitingBytes = WAITING_BYTES): ReadJson {
  const waiting = createRoom(waitingBytes);

  const inTurn = async (req: Request, res: Response, body: Buffer, work: () => void): Promise<void> => {
    const tenantId = tenantBehind(res) ?? networkBehind(req);
    const tooMany = new AbortController();
    const held = waiting.hold(tenantId, () => tooMany.abort(tooManyBodies()));
    held.set(body.length);
    try {
      await longWork({ tenantId, userId: '' }, tooMany.signal, () => {
        held.end();
        // Nobody would get the answer.
        if (!req.socket.destroyed) work();
      });
    } finally {
      held.end();
    }
  };

  return (limit, most = MOST_OF_A_BODY) => {
    const readRaw: RequestHandler = express.raw({ limit, inflate: false, type: () => true });
    return async (req, res, next) => {
      // A call of its own limit has read it before the one for all does.
      const isRead = req.body !== undefined;
      if (isRead || !WITH_BODIES.has(req.method) || !hasBody(req)) {
        next();
        return;
      }
      mustBeJson(req);
      await promisify(readRaw)(req, res);
      bodyHasCome(res);
      // Nothing is read of a request whose client has closed its half before.
      const body: unknown = req.body;
      if (!Buffer.isBuffer(body)) throw badField({ field: 'body', problem: 'is missing', isTooLarge: false });
      const go = (): void => {
        req.body = parse(body, most);
        // What the handler does at once, checking what came, is done within the turn.
        next();
        req.body = undefined;
      };
      if (body.length <= SMALL_BYTES) {
        go();
        return;
      }
      large.add(res);
      await inTurn(req, res, body, go);
    };
  };
}

function mustBeJson(req: Request): void {
  if (!req.is('application/json')) {
    const detail = 'The body must be JSON, and Content-Type: application/json must say so.';
    throw new Problem(415, 'Not JSON', detail);
  }
  // In UTF-16 a byte of a letter may look like a quote.
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(req.get('content-type') ?? '') ?? [];
  if (charset.toLowerCase() !== 'utf-8') {
    throw new Problem(415, 'Not JSON', 'The body must be JSON in UTF-8.');
  }
}

const UTF_8 = new TextDecoder();

function parse(body: Buffer, most: JsonSize): unknown {
  if (body.length === 0) return {};
  if (!isTextWithin(body.toString('latin1'), most.values)) throw badField(tooManyFields('body'));
  try {
    return JSON.parse(UTF_8.decode(body));
  } catch {
    throw badField({ field: 'body', problem: 'must be valid JSON', isTooLarge: false });
  }
}

const tooManyBodies = (): Problem =>
  new Problem(
    429,
    'Too many long requests',
    'This tenant has sent more than waits to be read at a time; send it again later.',
    { headers: retryAfter(1_000), members: { limit: 'share', retryAfterMs: 1_000 } },
  );
