import { createHash } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { hashOfKey, type FoundApiKey } from '../db/api-keys.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import { bodyIsOf } from '../lib/bounded-server.ts';
import { isSameSecret } from '../lib/same-secret.ts';
import { reach } from '../intake/availability.ts';
import type { TakePlace } from './calls-under-way.ts';
import type { FindKey } from './key-lookup.ts';
import { networkBehind, sentBy } from './origin.ts';
import { Problem, unauthorized } from './problems.ts';
import { SHOWN_SESSION, type Session, type Sessions } from './session.ts';

const keys = new WeakMap<Response, FoundApiKey>();

/** What lets requests in. */
export type Doors = {
  /** Finds a tenant's key by its hash. */
  findKey: FindKey;
  takePlace: TakePlace;
  /** Undefined: nobody is the operator. */
  operatorToken: string | undefined;
  sessions: Sessions;
};

/**
 * Lets a request with a valid tenant API key through, or a session of one, and keeps the key for
 * `presentedKey`. Without `sessions` a bearer alone is taken.
 */
export function requireTenant(doors: Pick<Doors, 'findKey' | 'takePlace'> & Partial<Doors>): RequestHandler {
  const { sessions } = doors;
  return async (req, res, next) => {
    const found = await keyBehind(doors, res, keyHashOf(req, sessions));
    if (!found) throw needsBearer('an API key of a tenant that is neither revoked nor expired');
    keys.set(res, found);
    next();
  };
}

/**
 * The key of a hash that a request brings, if it is one, in the time that accepting a message may take. From
 * the moment on that its tenant is known it is one of its calls under way.
 */
export async function keyBehind(
  { findKey, takePlace }: Pick<Doors, 'findKey' | 'takePlace'>,
  res: Response,
  hash: Buffer | undefined,
): Promise<FoundApiKey | undefined> {
  if (!hash) return undefined;
  const isOf = (tenantId: string): void => {
    bodyIsOf(res.req, tenantId);
    takePlace(tenantId, res);
  };
  const finding = findKey(hash, networkBehind(res.req), isOf);
  const found = await reach('The database', Date.now() + ACCEPT_WITHIN_MS, finding);
  if (found) isOf(found.tenantId);
  return found;
}

/** The tenant whose key `requireTenant` found; undefined where no key was asked for. */
export const tenantBehind = (res: Response): string | undefined => keys.get(res)?.tenantId;

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
export function requireOperator({ operatorToken, sessions }: Omit<Doors, 'findKey'>): RequestHandler {
  return (req, _res, next) => {
    const token = bearerToken(req);
    const isOperator =
      token === undefined
        ? isOperators(sessionOf(req, sessions), operatorToken)
        : operatorToken !== undefined && isSameSecret(token, operatorToken);
    if (!isOperator) throw needsBearer("the operator's token (KONSTRUCT_OPERATOR_TOKEN)");
    bodyIsOf(req, 'operator');
    next();
  };
}

/** Whether a session is the operator's, by the token that is valid today. */
export function isOperators(session: Session | undefined, operatorToken: string | undefined): boolean {
  return (
    session?.kind === 'operator' &&
    operatorToken !== undefined &&
    isSameSecret(session.hash.toString('hex'), hashOfToken(operatorToken).toString('hex'))
  );
}

/** What a session of the operator holds of his token. */
export const hashOfToken = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The bearer counts, if there is one. */
function keyHashOf(req: Request, sessions: Sessions | undefined): Buffer | undefined {
  const token = bearerToken(req);
  if (token !== undefined) return hashOfKey(token);
  const session = sessions && sessionOf(req, sessions);
  return session?.kind === 'key' ? session.hash : undefined;
}

/**
 * The session of a request. A browser sends its cookie whoever has made it send the request: what changes
 * something must have come from a page of ours, and nothing may come from a page of others. It sends the
 * newest cookie from every tab, too: a page that says whose session it shows acts for nobody else, when
 * somebody has signed in with another key in a tab beside it.
 */
export function sessionOf(req: Request, sessions: Sessions): Session | undefined {
  const session = sessions.of(req);
  if (!session) return undefined;
  const from = sentBy(req);
  const isSafe = req.method === 'GET' || req.method === 'HEAD';
  if (from !== 'own-page' && (!isSafe || from === 'foreign-page')) {
    throw unauthorized(
      'The console’s session counts in requests of its own page alone: Sec-Fetch-Site or Origin must say that this is one.',
      CHALLENGE,
    );
  }
  const shown = req.get(SHOWN_SESSION);
  if (shown !== undefined && shown !== session.id) {
    throw new Problem(
      401,
      'Another session',
      `This browser has signed in otherwise than ${SHOWN_SESSION} says: nothing was done. Load the page again.`,
      { headers: CHALLENGE },
    );
  }
  return session;
}

function bearerToken(req: Request): string | undefined {
  return /^Bearer +(\S+)$/i.exec(req.get('authorization') ?? '')?.[1];
}

const CHALLENGE = { 'WWW-Authenticate': 'Bearer' };

function needsBearer(needed: string): Problem {
  return unauthorized(`Authorization: Bearer must hold ${needed}.`, CHALLENGE);
}
