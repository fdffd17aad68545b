/** Brings the database to this version's schema. Safe to run again and from two processes at once. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

export type MigrateDatabaseOptions = {
  /** URL of a superuser: pgvector is not a trusted extension, so only a superuser can create it. */
  databaseAdminUrl: string;
  /** URL of `konstruct_app`. That role's password is set to the one in this URL. */
  databaseUrl: string;
  log?: (line: string) => void;
};

/**
 * Applies the missing migrations and sets the password of the service's role. Throws when `databaseUrl` has
 * another user or no password, and when a migration fails.
 */
export async function migrateDatabase(options: MigrateDatabaseOptions): Promise<void> {
  const client = new pg.Client({ connectionString: options.databaseAdminUrl });
  await client.connect();
  try {
    const applied = await runner({
      dbClient: client,
      dir: MIGRATIONS,
      direction: 'up',
      migrationsTable: 'schema_migrations',
      // A second process waits for the first and then finds no missing migration.
      advisoryLockMode: 'wait',
      logger: {
        debug() {},
        info() {},
        warn: (text) => options.log?.(text),
        error: (text) => options.log?.(text),
      },
    });
    for (const { name } of applied) options.log?.(`applied ${path.basename(name)}`);
    await allowServiceLogin(client, new URL(options.databaseUrl));
  } finally {
    await client.end();
  }
}

/** Lets the service's role log in with the password of its URL. */
async function allowServiceLogin(client: pg.Client, databaseUrl: URL): Promise<void> {
  const user = decodeURIComponent(databaseUrl.username);
  if (user !== 'konstruct_app') {
    throw new Error(`DATABASE_URL must connect as konstruct_app, not as ${JSON.stringify(user)}`);
  }
  const password = decodeURIComponent(databaseUrl.password);
  if (!password) throw new Error('DATABASE_URL must contain the password of konstruct_app');
  await client.query('BEGIN');
  // Roles belong to the whole server. Two processes that change
  // one at the same time would fail without the lock.
  await client.query('LOCK TABLE pg_authid IN SHARE ROW EXCLUSIVE MODE');
  await client.query(`ALTER ROLE konstruct_app LOGIN PASSWORD ${client.escapeLiteral(password)}`);
  await client.query('COMMIT');
}
