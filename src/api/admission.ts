/** Lets a request through to its handler as the table of calls says, and writes down what came to nothing. */
import type { ErrorRequestHandler, IRouter, Request, RequestHandler, Response } from 'express';
import { setTimeout as rest } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { FoundApiKey } from '../db/api-keys.ts';
import { NO_TENANT, recordAudit, type AuditActor, type AuditEntry, type AuditTarget } from '../db/audit.ts';
import { inTenant } from '../db/tenant-transaction.ts';
import { idProblem } from '../domain/ids.ts';
import { ACCEPT_WITHIN_MS, PACED_WITHIN_MS } from '../domain/timing.ts';
import { reach } from '../intake/availability.ts';
import type { Pace } from '../intake/pace.ts';
import type { RateLimiter } from '../intake/rate-limiter.ts';
import { presentedKey } from './auth.ts';
import { rolesOf, type Call, type TenantCall } from './calls.ts';
import { createListShares } from './list-shares.ts';
import { missingRole, Problem, retryAfter, toProblem } from './problems.ts';
import { wasLarge } from './read-json.ts';
import { createUntaken } from './untaken.ts';
import { toUuid } from './uuid.ts';

/** What an audit entry will say unless the call succeeds; then the change has written its own. */
type Attempt = { pool: pg.Pool; entry: Omit<AuditEntry, 'outcome'> };

const attempts = new WeakMap<Response, Attempt>();
const admitted = new WeakMap<Response, FoundApiKey>();
/** What is counted when the call is refused for what it holds. */
const refusals = new WeakMap<Response, () => void>();

/** The tenant whose key was let through. */
export const tenantOf = (res: Response): string => keyOf(res).tenantId;

/** The key that was let through. */
export function keyOf(res: Response): FoundApiKey {
  const key = admitted.get(res);
  if (!key) throw new Error('this route doesn’t stand in src/api/calls.ts, or not behind requireTenant');
  return key;
}

/** Whoever makes the call, for the audit log. */
export const actorOf = (res: Response): AuditActor => actorBehind(keyOf(res));

export const actorBehind = ({ id, name }: FoundApiKey): AuditActor => ({ type: 'api-key', id, name });

/**
 * Calls in a minute that leave a row for ever, of all keys of a tenant that have the same role: who may only
 * chat can't use up what an admin needs.
 */
export const CALLS_A_MINUTE = 300;

/**
 * Messages and retries in a minute that a process refuses for what they hold, or that are long and over a
 * limit, of all such keys. One that is taken counts as a message, and one that isn't has cost its reading.
 */
const REFUSED_A_MINUTE = 600;

/** At the pace of messages a read counts so much: it begins no turn. */
export const READ_COST = 0.5;

/** For how long a change waits for the pace of its tenant: nobody waits for it as for a reply. */
const CHANGE_WITHIN_MS = 5_000;

type AdmissionLimits = {
  rateLimiter: Pick<RateLimiter, 'countRead'>;
  /** The one that messages come in at. */
  pace: Pace;
  /** How many of those calls. */
  callsAMinute: number;
};

/**
 * Lets a key make a call, or rejects with a Problem. `note` is called when the call leaves an audit entry
 * whatever becomes of it.
 */
export type Admit = (call: TenantCall, key: FoundApiKey, res: Response, note: () => void) => Promise<void>;

export type Admission = {
  admit: Admit;
  /** Counts a request as a read. Rejects with a Problem when there have been too many. */
  countRead: (key: FoundApiKey) => Promise<void>;
  /** Lets a read in at the pace of its tenant. Rejects with a Problem when it would wait for long. */
  paceRead: (key: FoundApiKey) => Promise<void>;
};

/** Makes what all doors for tenants' keys let calls through by. */
export function createAdmission({ rateLimiter, pace, callsAMinute }: AdmissionLimits): Admission {
  const budget = new RateLimiterMemory({ points: callsAMinute, duration: 60 });
  const refused = new RateLimiterMemory({ points: REFUSED_A_MINUTE, duration: 60 });
  const takeListPlace = createListShares();
  const heedUntaken = createUntaken();
  const countRead = async ({ tenantId }: FoundApiKey): Promise<void> => {
    const over = await rateLimiter.countRead(tenantId);
    if (over) throw tooManyReads(over);
  };
  const paceRead = async ({ tenantId }: FoundApiKey): Promise<void> => {
    const entry = await pace(tenantId, PACED_WITHIN_MS, READ_COST);
    if ('retryAfterMs' in entry) throw tooManyReads({ ...entry, limit: 'share' });
  };
  const paceChange = async ({ tenantId }: FoundApiKey, cost?: number): Promise<void> => {
    const until = performance.now() + CHANGE_WITHIN_MS;
    for (;;) {
      // As long as a message waits, and then again: changes that wait keep no message out.
      const entry = await pace(tenantId, PACED_WITHIN_MS, cost);
      if (!('retryAfterMs' in entry)) return;
      if (performance.now() + entry.retryAfterMs > until) throw tooManyChanges(entry);
      await rest(entry.retryAfterMs);
    }
  };
  const admit: Admit = async (call, key, res, note) => {
    heedUntaken(key.tenantId, res);
    const mayCall = rolesOf(call).includes(key.role);
    if (call.isAudited || !mayCall) {
      await spend(budget, key);
      note();
    }
    if (!mayCall) throw missingRole(call.roles[0] ?? 'admin', key.role);
    if (isRead(call) || call.looksUp) await countRead(key);
    if (isRead(call)) await paceRead(key);
    else if (call.isAudited) await paceChange(key, call.cost);
    else await heedRefusals(refused, key, res);
    if (call.isList) takeListPlace(key.tenantId, res);
  };
  return { admit, countRead, paceRead };
}

/** Lets calls with a tenant's key through whose role may make them. */
export function admitKeys(
  router: IRouter,
  calls: readonly TenantCall[],
  { pool, admit }: { pool: pg.Pool; admit: Admit },
): void {
  for (const call of calls) {
    const admitCall: RequestHandler = async (req, res, next) => {
      const key = presentedKey(res);
      const entry = entryOf(call, key, req.params);
      await admit(call, key, res, () => void attempts.set(res, { pool, entry }));
      admitted.set(res, key);
      next();
    };
    router[call.method](call.path, admitCall);
  }
}

/**
 * Lets a key make a call whose path is none of its own, and does it. One that is refused or has failed leaves
 * its audit entry as any other.
 */
export async function throughAdmission<T>(
  { pool, admit, log }: { pool: pg.Pool; admit: Admit; log: Logger },
  asked: { call: TenantCall; key: FoundApiKey; params: Request['params']; res: Response },
  work: () => Promise<T>,
): Promise<T> {
  const { call, key, params, res } = asked;
  let attempt: Attempt | undefined;
  try {
    await admit(call, key, res, () => (attempt = { pool, entry: entryOf(call, key, params) }));
    return await work();
  } catch (error) {
    if (attempt) await writeRefusal(attempt, error, log);
    throw error;
  }
}

const entryOf = (call: TenantCall, key: FoundApiKey, params: Request['params']): Attempt['entry'] => ({
  tenantId: key.tenantId,
  actor: actorBehind(key),
  action: call.action,
  target: targetOf(call, params),
});

/** Changes nothing. Whatever does counts as a message, or is audited. */
export const isRead = ({ method, isRead = method === 'get' }: Call): boolean => isRead;

const tooManyReads = (over: { limit: 'tenant' | 'user' | 'share'; retryAfterMs: number }): Problem =>
  new Problem(
    429,
    'Too many reads',
    over.limit === 'share'
      ? 'The service is busy and this tenant has its share of it; ask again later.'
      : 'The limit of what this tenant may read is reached; ask again later.',
    { headers: retryAfter(over.retryAfterMs), members: over },
  );

const tooManyChanges = ({ retryAfterMs }: { retryAfterMs: number }): Problem =>
  new Problem(
    429,
    'Too many changes',
    'The service is busy and this tenant has its share of it; ask again later.',
    { headers: retryAfter(retryAfterMs), members: { limit: 'share', retryAfterMs } },
  );

/** Notes the operator's calls, which are let through already. */
export function noteOperator(router: IRouter, calls: readonly Call[], pool: pg.Pool): void {
  for (const call of calls) {
    if (!call.isAudited) continue;
    router[call.method](call.path, (req: Request, res: Response, next: () => void) => {
      const tenantId = uuidOf(req.params['tenantId']) ?? NO_TENANT;
      const target = targetOf(call, req.params);
      attempts.set(res, {
        pool,
        entry: { tenantId, actor: { type: 'operator' }, action: call.action, target },
      });
      next();
    });
  }
}

/** Counts a call that was refused, and writes the audit entry of one that was refused or has failed. */
export function auditRefusals(log: Logger): ErrorRequestHandler {
  return async (error: unknown, _req, res, next) => {
    const { status, members } = toProblem(error);
    // One over a limit has cost its reading if it was long. What is over a share is no fault of its sender's.
    const isFault = status === 429 ? wasLarge(res) && members['limit'] !== 'share' : status < 500;
    if (isFault) refusals.get(res)?.();
    const attempt = attempts.get(res);
    attempts.delete(res);
    if (attempt) await writeRefusal(attempt, error, log);
    next(error);
  };
}

/** In a transaction of its own. Without the database there is no entry, and the log says so. */
async function writeRefusal({ pool, entry }: Attempt, error: unknown, log: Logger): Promise<void> {
  const outcome = toProblem(error).status >= 500 ? 'failed' : 'refused';
  const writing = inTenant(pool, entry.tenantId, (client) => recordAudit(client, { ...entry, outcome }));
  await reach('The database', Date.now() + ACCEPT_WITHIN_MS, writing).catch((fault: unknown) =>
    log.error({ err: fault, action: entry.action, outcome }, 'an audit entry could not be written'),
  );
}

/** Ids of ours alone are written down: anything else in a path may be a text of somebody's. */
function targetOf({ action, id }: Call, params: Request['params']): AuditTarget {
  const type = action.slice(0, action.indexOf('.'));
  const agentId = uuidOf(params['agentId']);
  const userId = params['userId'];
  if (agentId && typeof userId === 'string' && idProblem(userId) === null) {
    return { type: 'memory', agentId, userId };
  }
  return { type, id: (id && uuidOf(params[id])) ?? null };
}

const uuidOf = (value: Request['params'][string] | undefined): string | undefined =>
  typeof value === 'string' ? toUuid(value) : undefined;

/** Lets no more through of whoever has had too many refused. */
async function heedRefusals(
  refused: RateLimiterMemory,
  { tenantId, role }: FoundApiKey,
  res: Response,
): Promise<void> {
  const of = `${tenantId} ${role}`;
  const had = await refused.get(of);
  if (had && had.remainingPoints <= 0) {
    throw new Problem(
      429,
      'Too many refused',
      `Of the keys of one role ${refused.points} calls a minute may be refused: mend them, and come again.`,
      { headers: retryAfter(had.msBeforeNext) },
    );
  }
  refusals.set(res, () => void refused.consume(of).catch(() => undefined));
}

async function spend(budget: RateLimiterMemory, { tenantId, role }: FoundApiKey): Promise<void> {
  try {
    await budget.consume(`${tenantId} ${role}`);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    throw new Problem(
      429,
      'Too many administrative calls',
      `The keys of one role may make ${budget.points} calls a minute that are audited or refused for their role.`,
      { headers: retryAfter(error.msBeforeNext) },
    );
  }
}
