import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { AuditActor } from '../db/audit.ts';
import { enterErasure } from '../db/erasures.ts';
import type { Forgettable } from '../db/open-erasures.ts';
import { createSealKeys } from '../db/seal-keys.ts';
import { forgetUserWorkflowId } from '../domain/ids.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import type { TurnLimits } from '../domain/turn.ts';
import { reach, setbackOf } from './availability.ts';
import type { OverShare, Unavailable } from './outcomes.ts';
import { startEntered } from './start-erasure.ts';

/** What became of the request to forget. */
type ErasureOutcome =
  | { kind: 'accepted'; erasureId: string; workflowId: string }
  | { kind: 'unknown-agent' }
  | { kind: 'unknown-exchange' }
  /** As many as may be have not finished. */
  | { kind: 'too-many' }
  | OverShare
  | Unavailable;

/** `actor`: whoever asks, for the audit log. */
type RequestErasure = (wanted: Forgettable, actor: AuditActor) => Promise<ErasureOutcome>;

/**
 * Makes the way in for an erasure: enters it in the ledger among the turns of its scope and starts its
 * workflow. `accepted` means that Temporal has accepted the start. `unavailable` when Temporal or Postgres
 * doesn't answer within 2 s: the same request again finds the same erasure.
 */
export function createRequestErasure(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  limits: TurnLimits;
}): RequestErasure {
  const { pool } = dependencies;
  const sealKeys = createSealKeys(pool);
  return async (wanted, actor) => {
    const { tenantId } = wanted;
    const deadline = Date.now() + ACCEPT_WITHIN_MS;
    const of = { pool, tenantId };
    try {
      const entry = await reach('The database', deadline, enterErasure(pool, wanted, actor), of);
      if (entry.outcome !== 'entered') return { kind: entry.outcome };
      const { erasureId } = entry.erasure;
      const key = await reach('The database', deadline, sealKeys(tenantId), of);
      if (!key) return { kind: 'unknown-agent' };
      await startEntered(dependencies, entry.erasure, key, deadline);
      return { kind: 'accepted', erasureId, workflowId: forgetUserWorkflowId(tenantId, erasureId) };
    } catch (error) {
      const setback = setbackOf(error);
      if (!setback) throw error;
      return setback;
    }
  };
}
