import { isDatabaseAway } from '../db/outage.ts';
import { NotInTimeError, within } from '../lib/within.ts';
import { isTemporalAway } from '../temporal/outage.ts';
import type { Unavailable } from './outcomes.ts';

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
 * outage.
 */
export async function reach<T>(service: Service, deadline: number, work: Promise<T>): Promise<T> {
  try {
    return await within(deadline - Date.now(), work);
  } catch (error) {
    // A database error that is no outage is a bug of ours and stays one.
    const isOutage = service !== 'The database' || error instanceof NotInTimeError || isDatabaseAway(error);
    if (!isOutage) throw error;
    throw new UnavailableError(service, { cause: error });
  }
}

/** The outage behind an error, or undefined when there is none: then the error is a bug. */
export function outageOf(error: unknown): Unavailable | undefined {
  if (error instanceof UnavailableError) return { kind: 'unavailable', service: error.service };
  if (isDatabaseAway(error)) return { kind: 'unavailable', service: 'The database' };
  if (isTemporalAway(error)) return { kind: 'unavailable', service: 'Temporal' };
  return undefined;
}
