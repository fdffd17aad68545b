import express, { type Request, type RequestHandler } from 'express';
import { MOST_OF_A_BODY, tooManyFields } from '../intake/fields.ts';
import { hasBody } from '../lib/bounded-server.ts';
import { isTextWithin, type JsonSize } from '../lib/json-size.ts';
import { badField, Problem } from './problems.ts';

const WITH_BODIES = new Set(['POST', 'PATCH', 'PUT', 'DELETE']);

/**
 * Reads the body of a call that may have one. A body of another type is refused: without it the call would
 * mean something else, a key of the role `admin` say, where another role was asked for. One of more values
 * than `most` is refused before it is parsed, and one that is compressed before it is read: it would take
 * more memory than it was sent with.
 */
export function readJsonBody(limit: number, most: JsonSize = MOST_OF_A_BODY): RequestHandler {
  const verify = (_req: unknown, _res: unknown, body: Buffer, charset: string): void => {
    // In UTF-16 a byte of a letter may look like a quote.
    if (charset !== 'utf-8') throw new Problem(415, 'Not JSON', 'The body must be JSON in UTF-8.');
    if (!isTextWithin(body.toString('latin1'), most.values)) throw badField(tooManyFields('body'));
  };
  // `strict: false` lets us name the fault.
  const read: RequestHandler = express.json({ limit, inflate: false, strict: false, verify });
  return (req, res, next) => {
    if (!WITH_BODIES.has(req.method) || !hasBody(req)) {
      next();
      return;
    }
    if (!req.is('application/json')) {
      const detail = 'The body must be JSON, and Content-Type: application/json must say so.';
      throw new Problem(415, 'Not JSON', detail);
    }
    read(req, res, next);
  };
}

/**
 * The body of a request, which keeps it no longer: who waits for a reply may wait for minutes, and the bodies
 * of many would fill the memory.
 */
export function takeBody(req: Request): unknown {
  const body: unknown = req.body;
  req.body = undefined;
  return body;
}
