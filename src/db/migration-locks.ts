/**
 * A migration waits for a table in vain as long as somebody else's transaction reads it, a dump's say, and
 * whoever comes after waits behind it: messages of all tenants. So it waits for a moment, and comes again.
 */
import { setTimeout as rest } from 'node:timers/promises';
import type pg from 'pg';

/** How long a migration waits for a lock, when it comes again, and when it gives up. */
export type Patience = { lockWithinMs: number; againAfterMs: number; givesUpAfterMs: number };

/**
 * A message has two seconds to be accepted, and its sender comes again later. A vacuum of Postgres' own gives
 * way to whoever has waited for one.
 */
const PATIENCE: Patience = { lockWithinMs: 2_000, againAfterMs: 5_000, givesUpAfterMs: 10 * 60_000 };

const LOCK_NOT_AVAILABLE = '55P03';
const HOLDERS_NAMED = 5;

/**
 * Makes what carries out one migration, in a transaction of `client`'s, as often as it takes until nobody
 * holds what it needs. Rejects with who does, and the cure, once the time since its first refusal is over.
 */
export async function createPatience(
  client: pg.Client,
  { log, patience = PATIENCE }: { log: (line: string) => void; patience?: Patience | undefined },
): Promise<<T>(migrate: () => Promise<T>) => Promise<T>> {
  const { lockWithinMs, againAfterMs, givesUpAfterMs } = patience;
  await client.query(`SET lock_timeout = ${lockWithinMs}`);
  let toldOf = '';
  return async (migrate) => {
    let deadline: number | undefined;
    for (;;) {
      try {
        return await migrate();
      } catch (error) {
        // The runner leaves its transaction open.
        await client.query('ROLLBACK').catch(() => undefined);
        if (!isLocked(error)) throw error;
        deadline ??= Date.now() + givesUpAfterMs;
        const holders = await holdersOfTables(client, lockWithinMs);
        if (Date.now() + againAfterMs > deadline) throw new Error(given(holders), { cause: error });
        if (holders !== toldOf) log(`waits for a table that is in use, by ${holders}`);
        toldOf = holders;
      }
      await rest(againAfterMs);
    }
  };
}

export const isLocked = (error: unknown): boolean =>
  Error.isError(error) && 'code' in error && error.code === LOCK_NOT_AVAILABLE;

const given = (holders: string): string =>
  `a migration needs a table that is in use, by ${holders}: wait until that has ended, or end it with ` +
  `SELECT pg_terminate_backend(PID), and migrate again; what was migrated so far stays`;

/** Who has held a table for longer than a migration waits. Who may not see since when is told of all. */
async function holdersOfTables(client: pg.Client, heldForMs: number): Promise<string> {
  const { rows } = await client.query<{ holder: string }>(
    `SELECT format('PID %s (%s, as %s%s)', pid, coalesce(nullif(application_name, ''), 'no name'),
                   coalesce(usename, backend_type),
                   ', since ' || to_char(xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS "UTC"')) AS holder
     FROM pg_stat_activity a
     WHERE pid <> pg_backend_pid() AND datname = current_database()
       AND (xact_start IS NULL OR xact_start < clock_timestamp() - make_interval(secs => $1::int / 1000.0))
       AND EXISTS (
         SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
         WHERE l.pid = a.pid AND l.granted AND l.database = a.datid
           AND c.relnamespace = 'public'::regnamespace)
     ORDER BY xact_start LIMIT ${HOLDERS_NAMED}`,
    [heldForMs],
  );
  return rows.length > 0 ? rows.map(({ holder }) => holder).join(', ') : 'somebody who has ended meanwhile';
}
