import pg from 'pg';
import { parse } from '../../src/config/variables.ts';
import { database } from '../../src/config/database.ts';
import { serviceRoleOf } from '../../src/db/prepare-database.ts';
import { clockFindings, fault, good, reasonOf, type Finding, type Patient } from './finding.ts';
import { sizeFindings, takenFindings } from './postgres-connections.ts';
import { memoryFindings } from './postgres-memories.ts';
import { roleFindings } from './postgres-roles.ts';
import { schemaFindings } from './postgres-schema.ts';

/** A busy machine is slow, and not away. */
const PATIENCE = { connectionTimeoutMillis: 10_000, query_timeout: 10_000 };
const OLDEST_SERVER = 15;

/** Whoever the processes and the migration log in as. */
const URLS = ['DATABASE_URL', 'DATABASE_API_URL', 'DATABASE_WORKER_URL', 'DATABASE_OPERATOR_URL'] as const;
const ADMIN = 'DATABASE_ADMIN_URL';

/** The server once, and what each role may there. */
export async function checkPostgres({ env, now }: Patient): Promise<Finding[]> {
  const found: Finding[] = [];
  let looked = false;
  let sized = false;
  for (const variable of [ADMIN, ...URLS]) {
    const url = env[variable];
    if (!url) continue;
    const client = new pg.Client({ connectionString: url, ...PATIENCE });
    client.on('error', () => undefined);
    try {
      parse({ database }, { DATABASE_URL: url });
      await client.connect();
      if (!looked) found.push(...(await sharedFindings(client, now)));
      looked = true;
      if (variable === ADMIN) continue;
      if (!sized) found.push(...(await sizeFindings(client, env)));
      sized = true;
      found.push(...(await roleFindings(client, variable)));
    } catch (error) {
      found.push(unreachable(variable, url, error));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  // What keeps this from being asked is a finding above.
  return [...found, ...(await memoryFindings(env, PATIENCE).catch(() => []))];
}

/** What is the same for whoever asks: everybody may read the catalogue. */
async function sharedFindings(client: pg.Client, now: () => number): Promise<Finding[]> {
  return [
    ...(await serverFindings(client, now)),
    ...(await takenFindings(client)),
    ...(await schemaFindings(client)),
  ];
}

/** No password in it. */
const placeOf = (url: string): string => {
  const { hostname = '?', port = '', pathname = '' } = URL.parse(url) ?? {};
  return `${hostname}:${port || 5432}${pathname}`;
};

function unreachable(variable: string, url: string, error: unknown): Finding {
  const user = decodeURIComponent(URL.parse(url)?.username ?? '');
  const code = Error.isError(error) && 'code' in error ? String(error.code) : '';
  const what = `${variable} leads nowhere: ${reasonOf(error)}`;
  if (WRONG_PASSWORD.has(code)) {
    const role = serviceRoleOf(user);
    return fault(
      what,
      role
        ? `migrate with the same URL (node cli/migrate.ts), which gives ${role} the password that stands in it`
        : `set ${variable} to the password of ${user}`,
    );
  }
  if (code === NO_DATABASE) return fault(what, `create the database, or correct the name in ${variable}`);
  return fault(what, `start Postgres, or correct ${variable}, which leads to ${placeOf(url)}`);
}

/** Also: a role that may not log in, which a migration without its URL leaves. */
const WRONG_PASSWORD: ReadonlySet<string> = new Set(['28P01', '28000']);
const NO_DATABASE = '3D000';

async function serverFindings(client: pg.Client, now: () => number): Promise<Finding[]> {
  const askedAt = now();
  const { rows } = await client.query<{ version: number; name: string; at: Date; readOnly: string }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS name,
            clock_timestamp() AS at, current_setting('transaction_read_only') AS "readOnly"`,
  );
  const [server] = rows;
  if (!server) return [];
  const found: Finding[] = [];
  found.push(
    server.version >= OLDEST_SERVER * 10_000
      ? good(`Postgres ${server.name}`)
      : fault(`Postgres ${server.name} is too old`, `move to Postgres ${OLDEST_SERVER} or newer`),
  );
  if (server.readOnly === 'on')
    found.push(fault('Postgres takes no writes', 'lead the URLs to the primary, not to a replica'));
  return [...found, ...clockFindings('Postgres', server.at.getTime(), askedAt, now())];
}
