/**
 * Connections for the service's role. They work behind a pooler that gives a connection to another client
 * after each transaction (PgBouncer and the like): nothing is set for a session, and nothing is asked of the
 * server at the start of one, which such poolers refuse (`unsupported startup parameter: options`).
 */
import pg from 'pg';
import { createFairPlaces, type FairPlaces } from '../lib/fair-places.ts';
import type { Needed } from '../lib/wait-for.ts';

/** What a pool's transactions begin with, whether its statements may have names, and how tenants share it. */
type Manner = {
  settings: string;
  named: boolean;
  places: FairPlaces | undefined;
  /** How many wait for a place, by tenant. */
  waiting: Map<string, number>;
};

const manners = new WeakMap<pg.Pool, Manner>();

/**
 * `random_page_cost`: memory and SSDs read random pages about as fast as sequential ones. With the default of
 * 4 a recall scans its whole partition instead of using the scope's index. `plan_cache_mode`: planning over
 * all partitions for each execution would take a large part of a query's time, and every statement has one
 * plan that suits all values.
 */
const PLANNER = 'SET LOCAL random_page_cost = 1.1; SET LOCAL plan_cache_mode = force_generic_plan';

/**
 * How long Postgres keeps a transaction of which it hears nothing. A process that stands still or is cut off
 * within one would hold its locks, a person's turn say, until the system gives the connection up: two hours.
 */
const IDLE_WITHIN_MS = 30_000;
/** How long a transaction waits for a connection. */
const CONNECTION_WITHIN_MS = 2_000;
/** And for its tenant's share before: less than a request gives the database, which hears of this first. */
const PLACE_WITHIN_MS = 1_800;

/** Of one tenant so many may wait at once: no fewer than the calls that an API lets it have under way. */
export const MOST_WAITING = 1_200;

/** Whoever asked has had its share of the connections for so long that its own work stands in its way. */
export class OverShareError extends Error {
  override readonly name = 'OwnShareIsBusy';
  constructor(options?: ErrorOptions) {
    super('no connection of the own share came free in time', options);
  }
}

/**
 * A pool for the service's role. `statementTimeoutMs` bounds each statement of a transaction in Postgres, and
 * `idleTimeoutMs` the time between two of them. With `ofOneTenant` a tenant that is alone holds so many
 * connections at most, and several share out what `mostPlaces` makes of them (see `createShares`).
 */
export function createPool(options: {
  databaseUrl: string;
  max: number;
  statementTimeoutMs: number;
  ofOneTenant?: number;
  idleTimeoutMs?: number;
}): pg.Pool {
  const { databaseUrl, max, statementTimeoutMs, ofOneTenant, idleTimeoutMs = IDLE_WITHIN_MS } = options;
  const manner: Manner = {
    settings: [
      PLANNER,
      `SET LOCAL statement_timeout = ${Math.round(statementTimeoutMs)}`,
      `SET LOCAL idle_in_transaction_session_timeout = ${idleTimeoutMs}`,
    ].join('; '),
    named: true,
    places: ofOneTenant === undefined ? undefined : createFairPlaces(ofOneTenant),
    waiting: new Map(),
  };
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max,
    connectionTimeoutMillis: CONNECTION_WITHIN_MS,
    // A server that disappears without closing the connection must not block a query for ever.
    query_timeout: statementTimeoutMs + 1_000,
    keepAlive: true,
    application_name: 'konstruct',
  });
  manners.set(pool, manner);
  pool.on('connect', (client) => nameOnlyWhile(client, () => manner.named));
  // The pool replaces an idle connection that breaks (Postgres restarted).
  // Without a listener its `error` event would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/** The statements that a transaction of this pool begins with; '' for a pool that is not of `createPool`. */
export function settingsOf(pool: pg.Pool): string {
  return manners.get(pool)?.settings ?? '';
}

/**
 * Does what needs a connection of this pool for a tenant, once the tenant's share has one. Rejects with
 * `OverShareError` when that takes too long, and at once when too many wait.
 */
export async function inShare<T>(pool: pg.Pool, tenantId: string, work: () => Promise<T>): Promise<T> {
  const manner = manners.get(pool);
  if (!manner?.places) return work();
  if ((manner.waiting.get(tenantId) ?? 0) >= MOST_WAITING) throw new OverShareError();
  const leave = countIn(manner.waiting, tenantId);
  try {
    return await inPlace(manner.places, tenantId, () => {
      leave();
      return work();
    });
  } finally {
    leave();
  }
}

/** Whether something of the tenant waits for a connection of its share right now. */
export const waitsForShare = (pool: pg.Pool, tenantId: string): boolean =>
  manners.get(pool)?.waiting.has(tenantId) ?? false;

/** Counts one more of `owner`. The result counts it out, once. */
function countIn(counts: Map<string, number>, owner: string): () => void {
  counts.set(owner, (counts.get(owner) ?? 0) + 1);
  let isIn = true;
  return () => {
    if (!isIn) return;
    isIn = false;
    const left = (counts.get(owner) ?? 1) - 1;
    if (left === 0) counts.delete(owner);
    else counts.set(owner, left);
  };
}

/** Does what needs a connection once `owner` has one of these places. Rejects with `OverShareError`, too. */
export async function inPlace<T>(places: FairPlaces, owner: string, work: () => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new OverShareError()), PLACE_WITHIN_MS);
  return places({ tenantId: owner, userId: '' }, late.signal, () => {
    clearTimeout(timer);
    return work();
  });
}

/**
 * Whether an error says that the server connection isn't the one on which a statement was prepared: a pooler
 * without support for named statements (PgBouncer before 1.21, or without `max_prepared_statements`) is in
 * between. From then on the pool's statements have no names, which costs their parsing each time, and the
 * transaction is worth another try.
 */
export function losesStatements(pool: pg.Pool, error: unknown): boolean {
  const manner = manners.get(pool);
  if (!manner || !Error.isError(error) || !('code' in error)) return false;
  if (!STATEMENT_LOST.has(String(error.code))) return false;
  manner.named = false;
  return true;
}

/** `prepared statement "…" does not exist`, and `… already exists`. */
const STATEMENT_LOST: ReadonlySet<string> = new Set(['26000', '42P05']);

/** Leaves out the names of a client's statements when they may have none. */
function nameOnlyWhile(client: pg.PoolClient, named: () => boolean): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const maybeNamed = (statement: unknown, ...rest: unknown[]): unknown => {
    if (named() || typeof statement !== 'object' || statement === null || !('name' in statement))
      return query(statement, ...rest);
    const { name: _name, ...unnamed } = statement;
    return query(unnamed, ...rest);
  };
  Object.assign(client, { query: maybeNamed });
}

/** What a process that needs Postgres waits for at its start. */
export function postgresNeeded(pool: pg.Pool): Needed {
  return {
    service: 'Postgres',
    // It waits for no lock.
    // eslint-disable-next-line no-restricted-properties
    probe: () => pool.query('SELECT 1'),
    cure: 'check DATABASE_URL, or start the database',
  };
}
