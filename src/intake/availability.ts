import type pg from 'pg';
import { isDatabaseAway, isDatabaseUnable, isStandstill, isStatementTimeout } from '../db/outage.ts';
import { OverShareError, waitsForShare } from '../db/pool.ts';
import { NotInTimeError, within } from '../lib/within.ts';
import { isTemporalAway, isTemporalUnable } from '../temporal/outage.ts';
import type { OverShare, Unavailable } from './outcomes.ts';

/** When whoever has had its share of the connections comes again. */
const SHARE_AGAIN_MS = 1_000;

type Service = 'The database' | 'Redis' | 'Temporal';

/** A service did not answer in time, or said that it can't. */
export class UnavailableError extends Error {
  override readonly name = 'Unavailable';
  readonly service: string;
  constructor(service: string, options?: ErrorOptions) {
    super(`${service} can't be reached`, options);
    this.service = service;
  }
}

/**
 * What `work` gives; `UnavailableError` after `deadline` (epoch ms), and when `work` fails because of an
 * outage. With `of`, whose connections it takes, `OverShareError` after a deadline up to which that tenant's
 * own work had them all.
 */
export async function reach<T>(
  service: Service,
  deadline: number,
  work: Promise<T>,
  of?: { pool: pg.Pool; tenantId: string },
): Promise<T> {
  try {
    return await within(deadline - Date.now(), work);
  } catch (error) {
    if (error instanceof OverShareError) throw error;
    const isLate = error instanceof NotInTimeError;
    if (isLate && of && waitsForShare(of.pool, of.tenantId)) throw new OverShareError({ cause: error });
    // A database error that is no outage is a bug of ours and stays one.
    const isOutage = service !== 'The database' || isLate || isOfDatabase(error);
    if (!isOutage) throw error;
    throw new UnavailableError(service, { cause: error });
  }
}

/** Makes what reaches the database as `reach` does, with the connections of a tenant's share. */
export function createReachShare(pool: pg.Pool) {
  return <T>({ tenantId }: { tenantId: string }, deadline: number, work: Promise<T>): Promise<T> =>
    reach('The database', deadline, work, { pool, tenantId });
}

/** What passes by itself behind an error, or undefined when there is nothing: then the error is a bug. */
export function setbackOf(error: unknown): Unavailable | OverShare | undefined {
  if (error instanceof OverShareError) return { kind: 'over-share', retryAfterMs: SHARE_AGAIN_MS };
  const cause = error instanceof UnavailableError ? error.cause : error;
  const isProven = isDatabaseUnable(cause) || isTemporalUnable(cause);
  const unavailable = (service: string): Unavailable => ({
    kind: 'unavailable',
    service,
    ...(isProven && { isProven }),
  });
  if (error instanceof UnavailableError) return unavailable(error.service);
  if (isOfDatabase(error)) return unavailable('The database');
  if (isTemporalAway(error)) return unavailable('Temporal');
  return undefined;
}

/**
 * A statement whose time is over passes as well: the server is behind, or somebody holds a lock. So does it
 * that this process stood still.
 */
const isOfDatabase = (error: unknown): boolean =>
  isDatabaseAway(error) || isStatementTimeout(error) || isStandstill(error);
