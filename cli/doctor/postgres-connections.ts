import type pg from 'pg';
import { OPERATOR_CONNECTIONS, SUBJECTS } from '../../src/config/index.ts';
import { parse } from '../../src/config/variables.ts';
import { fault, good, type Environment, type Finding } from './finding.ts';

/** The part of the connections that may be taken: beyond it somebody has to look. */
const MOST_TAKEN = 0.9;
const SIZING = 'docs/DEPLOYMENT.md#how-many-connections';

/** Whether Postgres has connections left. */
export async function takenFindings(client: pg.Client): Promise<Finding[]> {
  const { given, taken } = await roomOf(client);
  if (taken <= given * MOST_TAKEN) return [];
  return [
    fault(
      `${taken} of the ${given} connections that Postgres gives are taken: one more process is refused some`,
      `lower DATABASE_CONNECTIONS, or raise max_connections (${SIZING})`,
    ),
  ];
}

/**
 * Whether Postgres gives what the processes may hold. The doctor doesn't know how many there are; the chart
 * says what it has sized them for. `client` is one of the service's: behind a pooler there is nothing to
 * compare, since processes hold what the pooler gives.
 */
export async function sizeFindings(client: pg.Client, env: Environment): Promise<Finding[]> {
  const sizes = sizesOf(env);
  if (!sizes || (await isPooled(client))) return [];
  const { given } = await roomOf(client);
  return [wholeFinding(given, sizes), ...(await limitFindings(client, sizes.max))];
}

type Sizes = { max: number; maxConnections: number | undefined };

function wholeFinding(given: number, { max, maxConnections }: Sizes): Finding {
  const two = 2 * max + OPERATOR_CONNECTIONS;
  if (maxConnections !== undefined && maxConnections > given) {
    return fault(
      `Postgres gives ${given} connections, and the processes are sized for ${maxConnections}`,
      `raise max_connections, or lower postgres.maxConnections of the chart to ${given} (${SIZING})`,
    );
  }
  if (two > given) {
    return fault(
      `Postgres gives ${given} connections, and one API and one worker may hold ${two}`,
      `lower DATABASE_CONNECTIONS, or raise max_connections (${SIZING})`,
    );
  }
  const pairs = Math.floor(given / two);
  const these = pairs === 1 ? 'one API and one worker' : `${pairs} APIs and ${pairs} workers`;
  return good(`Postgres gives ${given} connections, enough for ${these} with DATABASE_CONNECTIONS=${max}`);
}

/** Of roles whose limit the migration hasn't set: an administrator has. */
async function limitFindings(client: pg.Client, max: number): Promise<Finding[]> {
  const { rows } = await client.query<{ name: string; limit: number }>(
    `SELECT rolname AS name, rolconnlimit AS limit FROM pg_roles
     WHERE rolname LIKE 'konstruct\\_%' AND rolcanlogin AND rolconnlimit >= 0 ORDER BY rolname`,
  );
  return rows.flatMap(({ name, limit }) => {
    const wanted = name === 'konstruct_operator' ? OPERATOR_CONNECTIONS : max;
    if (limit >= wanted) return [];
    return [
      fault(
        `${name} may hold ${limit} connections in all, and one process holds up to ${wanted} as it`,
        `as an administrator: ALTER ROLE ${name} CONNECTION LIMIT -1, or what all its processes may hold together`,
      ),
    ];
  });
}

/** Undefined when one is wrong, which is a finding of the settings. */
function sizesOf(env: Environment): Sizes | undefined {
  try {
    const { connections, allConnections } = parse(SUBJECTS.doctor, env);
    return { max: connections.max, maxConnections: allConnections.maxConnections };
  } catch {
    return undefined;
  }
}

/** What roles that are no superuser may have, and what all have now. */
async function roomOf(client: pg.Client): Promise<{ given: number; taken: number }> {
  const { rows } = await client.query<{ given: number; taken: number }>(
    // `reserved_connections` are from Postgres 16 on.
    `SELECT least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
          - coalesce(current_setting('reserved_connections', true)::int, 0),
        (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())) AS given,
      (SELECT sum(numbackends)::int FROM pg_stat_database) AS taken`,
  );
  return rows[0] ?? { given: 0, taken: 0 };
}

/** A pooler says of another process than the one that answers: it lends them out. */
async function isPooled(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return 'processID' in client && client.processID !== rows[0]?.pid;
}
