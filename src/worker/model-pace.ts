import { ApplicationFailure } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { FAILURE } from '../domain/failures.ts';
import { createPauses, putOff, tenantOfAttempt } from './put-off.ts';
import { MODEL_ACTIVITY } from './replies-first.ts';

/** The first refusal keeps a tenant's calls so far apart; each further one doubles it, up to the most. */
const FIRST_APART_MS = 100;
const MOST_APART_MS = 15_000;
/** An answer brings them this close at least, and closer again; then they aren't kept apart any more. */
const APART_IF_ANSWERED_MS = 1_000;
const CLOSER = 0.9;
const UNPACED_MS = 50;
/** What a server refused so long ago says nothing of how it is now. */
const FORGOTTEN_AFTER_MS = 60_000;

/** A tenant whose calls are kept apart. */
type Paced = { apartMs: number; begunAt: number; widenedAt: number };

/**
 * A model's server that many tenants share has room for so many calls a minute, and refuses what is over.
 * Whoever makes the most calls has the most refused: so a tenant's calls are kept apart, the further the more
 * of them were refused, until the server has room for everybody's. What was refused comes back one by one.
 */
export function createModelPace(): ActivityInterceptorsFactory {
  const tenants = new Map<string, Paced>();
  const pauseOf = createPauses();

  const answered = (tenant: string): void => {
    const paced = tenants.get(tenant);
    if (!paced) return;
    paced.apartMs = CLOSER * Math.min(paced.apartMs, APART_IF_ANSWERED_MS);
    if (paced.apartMs < UNPACED_MS) tenants.delete(tenant);
  };
  const refused = (tenant: string, begunAt: number): Paced => {
    const now = performance.now();
    const paced = tenants.get(tenant) ?? { apartMs: FIRST_APART_MS, begunAt: now, widenedAt: now };
    tenants.set(tenant, paced);
    // Whatever had begun before was refused for what the distance was then.
    if (begunAt > paced.widenedAt) {
      paced.apartMs = Math.min(2 * paced.apartMs, MOST_APART_MS);
      paced.widenedAt = now;
    }
    return paced;
  };

  return (attempt) => ({
    inbound: {
      async execute(input, next) {
        if (attempt.info.activityType !== MODEL_ACTIVITY) return next(input);
        const tenant = tenantOfAttempt(attempt);
        const begunAt = performance.now();
        const paced = tenants.get(tenant);
        if (paced && begunAt - paced.begunAt > FORGOTTEN_AFTER_MS) tenants.delete(tenant);
        if (paced && untilNext(paced) > 0)
          return putOff(attempt, Math.max(pauseOf(tenant), untilNext(paced)));
        if (paced) paced.begunAt = begunAt;
        try {
          const answer = await next(input);
          answered(tenant);
          return answer;
        } catch (error) {
          if (!(error instanceof ApplicationFailure) || error.type !== FAILURE.llmOverloaded) throw error;
          const apart = refused(tenant, begunAt);
          const { message, details, nextRetryDelay } = error;
          const askedMs = typeof nextRetryDelay === 'number' ? nextRetryDelay : 0;
          throw ApplicationFailure.create({
            ...{ type: FAILURE.llmOverloaded, message, details: details ?? [] },
            nextRetryDelay: Math.max(askedMs, pauseOf(tenant), untilNext(apart)),
          });
        }
      },
    },
  });
}

/** How long until the tenant's next call. */
const untilNext = ({ begunAt, apartMs }: Paced): number => begunAt + apartMs - performance.now();
