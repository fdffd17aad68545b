/** Brings the database to this version's schema. Safe to run again and from two processes at once. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { allowServiceLogin, prepareDatabase } from './prepare-database.ts';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

export type MigrateDatabaseOptions = {
  /** URL of a superuser, or of the database's owner with CREATEROLE where pgvector exists already. */
  databaseAdminUrl: string;
  /** URL of `konstruct_app`. That role's password is set to the one in this URL. */
  databaseUrl: string;
  log?: (line: string) => void;
};

/**
 * Applies the missing migrations and sets the password of the service's role. Throws when `databaseUrl` has
 * another user or no password, when the administrator may not do what is needed, and when a migration fails.
 */
export async function migrateDatabase(options: MigrateDatabaseOptions): Promise<void> {
  const password = servicePassword(new URL(options.databaseUrl));
  const client = new pg.Client({ connectionString: options.databaseAdminUrl });
  await client.connect();
  try {
    await prepareDatabase(client);
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
    await allowServiceLogin(client, password);
  } finally {
    await client.end();
  }
}

/** The password in the service's URL. Poolers of some providers want the project behind the role's name. */
function servicePassword(databaseUrl: URL): string {
  const user = decodeURIComponent(databaseUrl.username);
  if (!/^konstruct_app(\.|$)/.test(user)) {
    throw new Error(`DATABASE_URL must connect as konstruct_app, not as ${JSON.stringify(user)}`);
  }
  const password = decodeURIComponent(databaseUrl.password);
  if (!password) throw new Error('DATABASE_URL must contain the password of konstruct_app');
  return password;
}
