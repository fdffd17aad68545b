/**
 * Migrates the schema, the roles, the service's password, Temporal's search attributes and schedule. Safe to
 * repeat and to run in two processes at once. `node cli/migrate.ts` takes the settings from the environment.
 */
import { migrationConfig, type TemporalConfig } from '../src/config/index.ts';
import { runMain } from '../src/lib/process.ts';
import { migrateDatabase, type MigrateDatabaseOptions } from '../src/db/migrate.ts';
import { prepareNamespace } from '../src/temporal/namespace.ts';
import { scheduleSweep } from '../src/temporal/schedules.ts';

/** Migrates database and Temporal namespace to this version of the code. */
export async function migrate({
  temporal,
  ...database
}: MigrateDatabaseOptions & { temporal: TemporalConfig }): Promise<void> {
  await migrateDatabase(database);
  await prepareNamespace(temporal);
  await scheduleSweep(temporal);
}

if (import.meta.main) {
  await runMain(async () => {
    const config = migrationConfig(process.env);
    await migrate({ ...config, log: (line) => console.log(line) });
  });
}
