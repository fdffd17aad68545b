/** Brings the database to this version's schema. Safe to run again and from two processes at once. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { allowServiceLogin, prepareDatabase, serviceRoleOf, type ServiceRole } from './prepare-database.ts';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

export type MigrateDatabaseOptions = {
  /** URL of a superuser, or of the database's owner with CREATEROLE where pgvector exists already. */
  databaseAdminUrl: string;
  /** URLs of the service's roles. Each role's password is set to the one in its URL. */
  serviceUrls: readonly string[];
  log?: (line: string) => void;
};

/**
 * Applies the missing migrations and sets the passwords of the service's roles. Throws when a URL has
 * another user or no password, when the administrator may not do what is needed, and when a migration fails.
 */
export async function migrateDatabase(options: MigrateDatabaseOptions): Promise<void> {
  const logins = options.serviceUrls.map(loginOf);
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
    for (const { role, password } of logins) await allowServiceLogin(client, role, password);
  } finally {
    await client.end();
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
