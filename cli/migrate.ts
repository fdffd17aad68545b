/**
 * The migration step: schema, roles, the service's password, Temporal's search attributes.
 * Safe to run again and from two processes at once. `node cli/migrate.ts` runs it from the environment.
 */
import { migrationConfig, type TemporalConfig } from '../src/config/index.ts';
import { runMain } from '../src/lib/process.ts';
import { migrateDatabase, type MigrateDatabaseOptions } from '../src/db/migrate.ts';
import { prepareNamespace } from '../src/temporal/namespace.ts';

/** Brings database and Temporal namespace to what this version of the code needs. */
export async function migrate({
  temporal,
  ...database
}: MigrateDatabaseOptions & { temporal: TemporalConfig }): Promise<void> {
  await migrateDatabase(database);
  await prepareNamespace(temporal);
}

if (import.meta.main) {
  await runMain(async () => {
    const config = migrationConfig(process.env);
    await migrate({ ...config, log: (line) => console.log(line) });
  });
}
