/** Brings the database to this version's schema. Safe to run again and from two processes at once. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PG_MIGRATE_LOCK_ID, runner } from 'node-pg-migrate';
import pg from 'pg';
import { createPatience, isLocked, type Patience } from './migration-locks.ts';
import { allowServiceLogin, prepareDatabase, serviceRoleOf, type ServiceRole } from './prepare-database.ts';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

export type MigrateDatabaseOptions = {
  /** URL of a superuser, or of the database's owner with CREATEROLE where pgvector exists already. */
  databaseAdminUrl: string;
  /** URLs of the service's roles. Each role's password is set to the one in its URL. */
  serviceUrls: readonly string[];
  log?: (line: string) => void;
  /** Where the migrations are, and how long they wait for a lock. For tests. */
  folder?: string;
  patience?: Patience;
};

/**
 * Applies the missing migrations and sets the passwords of the service's roles. Throws when a URL has
 * another user or no password, when the administrator may not do what is needed, when a migration fails, and
 * when a table that it needs is in use for ten minutes.
 */
export async function migrateDatabase(options: MigrateDatabaseOptions): Promise<void> {
  const logins = options.serviceUrls.map(loginOf);
  const client = new pg.Client({ connectionString: options.databaseAdminUrl });
  await client.connect();
  try {
    await prepareDatabase(client);
    // A second process waits for the first, however long that takes, and then finds no missing migration.
    await client.query(`SELECT pg_advisory_lock(${PG_MIGRATE_LOCK_ID})`);
    await applyMissing(client, options);
    await client.query('RESET lock_timeout');
    for (const { role, password } of logins) await allowServiceLogin(client, role, password);
  } finally {
    await client.end();
  }
}

/** Applies one missing migration after the other, each in a transaction of its own. */
async function applyMissing(
  client: pg.Client,
  { folder = MIGRATIONS, patience, log = () => undefined }: MigrateDatabaseOptions,
): Promise<void> {
  const onceFree = await createPatience(client, { log, patience });
  const applyNext = async () => {
    const said: string[] = [];
    const say = (text: string): void => void said.push(text);
    try {
      return await runner({
        ...{ dbClient: client, dir: folder, direction: 'up', migrationsTable: 'schema_migrations' },
        count: 1,
        // It is held already.
        noLock: true,
        logger: { debug() {}, info() {}, warn: say, error: say },
      });
    } catch (error) {
      // That a table is in use is told once, and without the migration's text.
      if (isLocked(error)) said.length = 0;
      throw error;
    } finally {
      for (const line of said) log(line);
    }
  };
  for (let isLeft = true; isLeft;) {
    const [applied] = await onceFree(applyNext);
    if (applied) log(`applied ${path.basename(applied.name)}`);
    isLeft = applied !== undefined;
  }
}

/** The role and password in a URL of the service. Errors don't repeat the URL: it holds a password. */
function loginOf(url: string): { role: ServiceRole; password: string } {
  const parsed = URL.parse(url);
  if (!parsed)
    throw new Error('a URL of the service’s roles is malformed: postgres://ROLE:PASSWORD@HOST/DATABASE');
  const role = serviceRoleOf(decodeURIComponent(parsed.username));
  if (!role) {
    throw new Error(
      'DATABASE_URL must connect as konstruct_app, konstruct_api or konstruct_worker, DATABASE_API_URL as ' +
        'konstruct_api, DATABASE_WORKER_URL as konstruct_worker, DATABASE_OPERATOR_URL as konstruct_operator',
    );
  }
  const password = decodeURIComponent(parsed.password);
  if (!password) throw new Error(`the URL of ${role} must contain its password`);
  return { role, password };
}
