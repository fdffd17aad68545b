import type { Request, RequestHandler, Response } from 'express';
import type pg from 'pg';
import { findApiKey, type FoundApiKey } from '../db/api-keys.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import { isSameSecret } from '../lib/same-secret.ts';
import { reach } from '../intake/availability.ts';
import { sparingLookup } from './key-lookup.ts';
import { unauthorized, type Problem } from './problems.ts';

const keys = new WeakMap<Response, FoundApiKey>();

/** Lets a request with a valid tenant API key through, and keeps the key for `presentedKey`. */
export function requireTenant(pool: pg.Pool): RequestHandler {
  const find = sparingLookup((key) => findApiKey(pool, key));
  return async (req, res, next) => {
    const key = bearerToken(req);
    const deadline = Date.now() + ACCEPT_WITHIN_MS;
    const found = key && (await reach('The database', deadline, find(key)));
    if (!found) throw needsBearer('an API key of a tenant that is neither revoked nor expired');
    keys.set(res, found);
    next();
  };
}

/** The key that `requireTenant` found. What it may is another question: see `admitKeys`. */
export function presentedKey(res: Response): FoundApiKey {
  const key = keys.get(res);
  if (!key) throw new Error('this route is not behind requireTenant');
  return key;
}

/**
 * Lets the operator through. Guesses are not counted: a count that keeps the operator in whoever guesses
 * beside him doesn't slow the guess that is right, and a random token of the least length takes longer to
 * guess than anybody has.
 */
export function requireOperator(operatorToken: string | undefined): RequestHandler {
  return (req, _res, next) => {
    const token = bearerToken(req);
    if (!token || !operatorToken || !isSameSecret(token, operatorToken)) {
      throw needsBearer("the operator's token (KONSTRUCT_OPERATOR_TOKEN)");
    }
    next();
  };
}

function bearerToken(req: Request): string | undefined {
  return /^Bearer +(\S+)$/i.exec(req.get('authorization') ?? '')?.[1];
}

function needsBearer(needed: string): Problem {
  return unauthorized(`Authorization: Bearer must hold ${needed}.`, { 'WWW-Authenticate': 'Bearer' });
}
