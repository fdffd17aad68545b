/**
 * Questions to the ledger on which it hangs whether a turn's step is done at all. They use connections of
 * their own: what a tenant has under way, or whoever sends its steps again, must not keep the answer back.
 */
import type pg from 'pg';
import { createFairPlaces } from '../lib/fair-places.ts';
import { NotInTimeError, withinFreeTime } from '../lib/within.ts';
import { isDatabaseAway } from './outage.ts';
import { inTenant } from './tenant-transaction.ts';

/** What a process's connections have beside the shares of tenants (config/database.ts). */
const PLACES = 3;
/** How long Postgres may take, once there is a place. */
const ANSWER_WITHIN_MS = 500;
/** Postgres itself ends a statement by then, and so tells that it is slow and not away. */
const STATEMENT_OF_ANSWER = 0.8;
/** What is heard after so many times the answer's time is heard by a process that stood still. */
const STOOD_STILL = 4;
/** How long a question waits for a place while Postgres answers others. */
const PLACE_WITHIN_MS = 2_000;

/** What the ledger said, or that Postgres is away. */
export type Heard<T> = { said: T } | 'away';

type Ask = <T>(
  tenantId: string,
  work: (client: pg.PoolClient) => Promise<T>,
  withinMs: number,
) => Promise<Heard<T>>;

const asks = new WeakMap<pg.Pool, Ask>();

/**
 * Runs `work` in a tenant's transaction, outside the tenant's share. `away` says that Postgres can't be
 * reached, can't do it, or has not said a word within `withinMs`. What comes in the way of the statement
 * alone rejects, and is worth another try: a slow one, a lock, or no place in time. So does an error of ours,
 * and what is heard by a process that stood still meanwhile: Postgres and the driver have given up on it.
 */
export async function askLedger<T>(
  pool: pg.Pool,
  tenantId: string,
  work: (client: pg.PoolClient) => Promise<T>,
  withinMs = ANSWER_WITHIN_MS,
): Promise<Heard<T>> {
  const known = asks.get(pool);
  const ask = known ?? createAsk(pool);
  if (!known) asks.set(pool, ask);
  return ask(tenantId, work, withinMs);
}

/** Others have the places. */
class BusyError extends Error {
  override readonly name = 'LedgerIsBusy';
  constructor() {
    super('the ledger is asked too much just now');
  }
}

/** Postgres says nothing. */
class SilentError extends Error {
  override readonly name = 'Silent';
}

function createAsk(pool: pg.Pool): Ask {
  const places = createFairPlaces(PLACES, PLACES);
  // Those with a place that have waited for Postgres in vain; they have it until their connection ends.
  let silent = 0;
  let silence = new AbortController();
  const fallSilent = (): void => {
    silent += 1;
    // Whoever waits for such a place waits for Postgres.
    silence.abort(new SilentError());
    silence = new AbortController();
  };

  return async <T>(tenantId: string, work: (client: pg.PoolClient) => Promise<T>, withinMs: number) => {
    if (silent >= PLACES) return 'away';
    const late = new AbortController();
    // Others may have the places that are left: while some are silent it is Postgres that is waited for.
    const soon = setTimeout(() => silent > 0 && late.abort(new SilentError()), withinMs);
    const last = setTimeout(() => late.abort(new BusyError()), PLACE_WITHIN_MS);
    const stopWaiting = (): void => {
      clearTimeout(soon);
      clearTimeout(last);
    };
    const answer = Promise.withResolvers<T>();
    let trustedUntil = Infinity;
    places({ tenantId, userId: '' }, AbortSignal.any([late.signal, silence.signal]), async () => {
      stopWaiting();
      trustedUntil = performance.now() + STOOD_STILL * withinMs;
      const statementWithinMs = Math.round(withinMs * STATEMENT_OF_ANSWER);
      const asked = inTenant(pool, tenantId, work, { statementWithinMs, outsideShare: true });
      const heard = withinFreeTime(withinMs, asked);
      answer.resolve(heard);
      try {
        await heard;
      } catch (error) {
        if (!(error instanceof NotInTimeError)) return;
        fallSilent();
        await asked.catch(() => undefined);
        silent -= 1;
      }
    }).catch(answer.reject);
    try {
      return { said: await answer.promise };
    } catch (error) {
      if (isSilence(error)) return 'away';
      if (isDatabaseAway(error) && performance.now() < trustedUntil) return 'away';
      throw error;
    } finally {
      stopWaiting();
    }
  };
}

/** Counted in the time that this process had. */
const isSilence = (error: unknown): boolean =>
  error instanceof SilentError || error instanceof NotInTimeError;
