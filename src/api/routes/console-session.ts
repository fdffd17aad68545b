import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { Router, type Request, type Response } from 'express';
import type pg from 'pg';
import type { Logger } from 'pino';
import { hashOfKey, type FoundApiKey } from '../../db/api-keys.ts';
import { NO_TENANT, recordAudit, type AuditEntry } from '../../db/audit.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import { findTenant } from '../../db/tenants.ts';
import { createShares } from '../../lib/shares.ts';
import { isSameSecret } from '../../lib/same-secret.ts';
import type { SearchMemory } from '../../memory/recall/search-memory.ts';
import { actorBehind, throughAdmission, type Admit } from '../admission.ts';
import { SESSION } from '../answers-console.ts';
import { sendJson } from '../answers.ts';
import { hashOfToken, isOperators, keyBehind, sessionOf, type Doors } from '../auth.ts';
import { SESSION_CALLS } from '../calls.ts';
import { networkBehind, sentBy } from '../origin.ts';
import { goneOrClosing } from '../prefer.ts';
import { Problem, retryAfter, unauthorized } from '../problems.ts';
import type { ReadJson } from '../read-json.ts';
import { newSessionBody, validate } from '../schemas.ts';

/** A stranger's body is read: it has room for a token, and no more. */
const MAX_TOKEN_BODY_BYTES = 10_000;

/** How long the answer to a wrong token is held back, and how many are at once. */
const WRONG_AFTER_MS = 500;
const WRONG_AT_ONCE = 100;

export type SessionRoutes = {
  pool: pg.Pool;
  log: Logger;
  doors: Doors;
  readJson: ReadJson;
  admit: Admit;
  /** The operator's, where there is one. */
  operatorPool: pg.Pool | undefined;
  search: SearchMemory | undefined;
  temporal: Client;
  /** Temporal's Web UI; undefined where nobody knows it. */
  temporalUiUrl?: string | undefined;
  closing: AbortSignal;
};

/** `POST|GET|DELETE /console/session`: signing in, who is signed in, signing out. */
export function consoleSessionRoutes(dependencies: SessionRoutes): Router {
  const { pool, doors, operatorPool, search, closing } = dependencies;
  const { operatorToken, sessions } = doors;
  const { temporalUiUrl, temporal } = dependencies;
  const workflowsUrl = temporalUiUrl ? workflowsUrlOf(temporalUiUrl, temporal.options.namespace) : null;
  const router = Router();

  /** Slows down whoever guesses, and nobody else: a token that is right never comes here. */
  const wrong = createShares(WRONG_AT_ONCE);
  const refuse = async (req: Request, res: Response): Promise<never> => {
    const giveBack = wrong.take(networkBehind(req));
    if (!giveBack) {
      throw new Problem(429, 'Too many wrong tokens', 'Try again later.', { headers: retryAfter(1_000) });
    }
    await sleep(WRONG_AFTER_MS, undefined, { signal: goneOrClosing(res, closing) }).catch(() => undefined);
    giveBack();
    throw unauthorized(
      'token must be an API key of a tenant that is neither revoked nor expired, or the operator’s token.',
      { 'WWW-Authenticate': 'Bearer' },
    );
  };

  router.post('/', dependencies.readJson(MAX_TOKEN_BODY_BYTES), async (req, res) => {
    if (sentBy(req) === 'foreign-page') {
      throw unauthorized('Nobody signs in from a page of another origin.', { 'WWW-Authenticate': 'Bearer' });
    }
    if (!sessions.canBegin) {
      throw new Problem(
        409,
        'Not set up',
        'Nobody can sign in here: the operator sets KONSTRUCT_ENCRYPTION_KEYS, whose first key encrypts sessions.',
      );
    }
    const { token } = validate(newSessionBody, req.body, 'body');
    if (operatorPool && operatorToken !== undefined && isSameSecret(token, operatorToken)) {
      await record(operatorPool, { tenantId: NO_TENANT, actor: { type: 'operator' } });
      sessions.begin(req, res, { kind: 'operator', id: 'operator', hash: hashOfToken(token) });
    } else {
      const hash = hashOfKey(token);
      const key = await keyBehind(doors, res, hash);
      if (!hash || !key) return refuse(req, res);
      const { tenantId } = key;
      await throughAdmission(dependencies, { call: SESSION_CALLS.start, key, params: {}, res }, () =>
        record(pool, { tenantId, actor: actorBehind(key) }),
      );
      sessions.begin(req, res, { kind: 'key', id: key.id, hash });
    }
    res.status(204).end();
  });

  const whoIs = async (key: FoundApiKey) => {
    const { tenantId, role, id: keyId, name: keyName } = key;
    const tenant = await findTenant(pool, tenantId);
    return { tenantId, tenantName: tenant?.name ?? '', role, keyId, keyName };
  };
  router.get('/', async (req, res) => {
    const session = sessionOf(req, sessions);
    if (isOperators(session, operatorToken)) {
      sendJson(res, SESSION, { kind: 'operator', workflowsUrl });
      return;
    }
    const key = session?.kind === 'key' ? await keyBehind(doors, res, session.hash) : undefined;
    if (!key) {
      sendJson(res, SESSION, { kind: 'none' });
      return;
    }
    const asked = { call: SESSION_CALLS.read, key, params: {}, res };
    const who = await throughAdmission(dependencies, asked, () => whoIs(key));
    sendJson(res, SESSION, { kind: 'key', ...who, canSearch: search !== undefined, workflowsUrl });
  });

  router.delete('/', (req, res) => {
    sessionOf(req, sessions);
    sessions.end(req, res);
    res.status(204).end();
  });

  return router;
}

async function record(pool: pg.Pool, by: Pick<AuditEntry, 'tenantId' | 'actor'>): Promise<void> {
  const target = { type: 'session', id: null };
  await inTenant(pool, by.tenantId, (client) =>
    recordAudit(client, { ...by, action: SESSION_CALLS.start.action, target, outcome: 'done' }),
  );
}

/** Where Temporal's Web UI shows a workflow, before its id. */
const workflowsUrlOf = (uiUrl: string, namespace: string): string =>
  `${uiUrl.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/`;
