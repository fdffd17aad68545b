/**
 * Migrates the schema, the roles, the service's password, and Temporal's search
 * attributes and retention. Safe to repeat and to run in two processes at once.
 * `node cli/migrate.ts` takes the settings from the environment.
 */
import { migrationConfig } from '../src/config/index.ts';
import { migrateDatabase, type MigrateDatabaseOptions } from '../src/db/migrate.ts';
import { prepareNamespace, type TemporalAddress } from '../src/temporal/namespace.ts';

/** Migrates database and Temporal namespace to this version of the code. */
export async function migrate({
  temporal,
  ...database
}: MigrateDatabaseOptions & { temporal: TemporalAddress }): Promise<void> {
  await migrateDatabase(database);
  await prepareNamespace(temporal);
}

if (import.meta.main) {
  const config = migrationConfig(process.env);
  await migrate({ ...config, log: (line) => console.log(line) });
}
