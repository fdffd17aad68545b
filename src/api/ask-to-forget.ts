import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { AuditActor } from '../db/audit.ts';
import type { Forgettable } from '../db/open-erasures.ts';
import type { TurnLimits } from '../domain/turn.ts';
import { createRequestErasure } from '../intake/request-erasure.ts';
import { notFound, Problem, problemOf, retryAfter } from './problems.ts';

/** Some have finished by then. */
const ASK_AGAIN_MS = 10_000;

/** Asks for an erasure, for whichever door. Rejects with a Problem. */
export type AskToForget = (
  wanted: Forgettable,
  actor: AuditActor,
) => Promise<{ erasureId: string; workflowId: string }>;

export function createAskToForget(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  limits: TurnLimits;
}): AskToForget {
  const requestErasure = createRequestErasure(dependencies);
  return async (wanted, actor) => {
    const taken = await requestErasure(wanted, actor);
    switch (taken.kind) {
      case 'unknown-agent':
        throw notFound('agent');
      case 'unknown-exchange':
        throw notFound('exchange');
      case 'too-many':
        throw new Problem(
          429,
          'Too many erasures',
          'As many erasures of this tenant are under way as may be at a time: ask again later.',
          { headers: retryAfter(ASK_AGAIN_MS), members: { limit: 'tenant', retryAfterMs: ASK_AGAIN_MS } },
        );
      case 'unavailable':
      case 'over-share':
        throw problemOf(taken);
      case 'accepted':
        return taken;
    }
  };
}
