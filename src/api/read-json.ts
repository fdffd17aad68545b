import express, { type Request, type RequestHandler } from 'express';
import { Problem } from './problems.ts';

const WITH_BODIES = new Set(['POST', 'PATCH', 'DELETE']);

/**
 * Reads the body of a call that may have one. A body of another type is refused: without it the call would
 * mean something else, a key of the role `admin` say, where another role was asked for.
 */
export function readJsonBody(limit: number): RequestHandler {
  // `strict: false` lets us name the fault.
  const read: RequestHandler = express.json({ limit, strict: false });
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

const hasBody = (req: Request): boolean =>
  req.get('transfer-encoding') !== undefined || Number(req.get('content-length') ?? 0) > 0;
