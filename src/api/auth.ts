import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type pg from 'pg';
import { findTenantOfApiKey } from '../db/tenants.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import { reach } from '../intake/availability.ts';
import { unauthorized, type Problem } from './problems.ts';

/** Lets a request with a valid tenant API key through, and keeps its tenant for `tenantOf`. */
export function requireTenant(pool: pg.Pool): RequestHandler {
  return async (req, res, next) => {
    const key = bearerToken(req);
    const deadline = Date.now() + ACCEPT_WITHIN_MS;
    const tenantId = key && (await reach('The database', deadline, findTenantOfApiKey(pool, key)));
    if (!tenantId) throw needsBearer('a valid API key of a tenant');
    res.locals['tenantId'] = tenantId;
    next();
  };
}

/** The tenant that `requireTenant` found. */
export function tenantOf(res: Response): string {
  const tenantId: unknown = res.locals['tenantId'];
  if (typeof tenantId !== 'string') throw new Error('this route is not behind requireTenant');
  return tenantId;
}

/** Lets the operator through. Compares hashes, so neither time nor length tells anything of the token. */
export function requireOperator(operatorToken: string | undefined): RequestHandler {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return (req, _res, next) => {
    const token = bearerToken(req);
    if (!operatorToken || !token || !timingSafeEqual(hash(token), hash(operatorToken))) {
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
