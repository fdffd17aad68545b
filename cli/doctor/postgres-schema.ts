import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { doubt, fault, good, type Finding } from './finding.ts';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
const MIGRATE = 'migrate: node cli/migrate.ts with DATABASE_ADMIN_URL';
const OLDEST_PGVECTOR = [0, 8] as const;

/** The extension, the migrations, and whether row-level security holds for owners too. */
export async function schemaFindings(client: pg.Client): Promise<Finding[]> {
  const extension = await extensionFindings(client);
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('public.conversation_embeddings') IS NOT NULL AS there`,
  );
  if (!rows[0]?.there) return [...extension, fault('the database has no schema of Konstruct', MIGRATE)];
  return [...extension, ...(await migrationFindings(client)), ...(await securityFindings(client))];
}

async function extensionFindings(client: pg.Client): Promise<Finding[]> {
  const { rows } = await client.query<{ version: string }>(
    `SELECT extversion AS version FROM pg_extension WHERE extname = 'vector'`,
  );
  const [extension] = rows;
  if (!extension) {
    return [
      fault(
        'the extension pgvector is missing in this database',
        'run CREATE EXTENSION vector in it as a superuser, or switch it on where the database is managed',
      ),
    ];
  }
  const [major = 0, minor = 0] = extension.version.split('.').map(Number);
  const isOld = major === OLDEST_PGVECTOR[0] && minor < OLDEST_PGVECTOR[1];
  return isOld
    ? [
        fault(
          `pgvector ${extension.version} is too old`,
          `install ${OLDEST_PGVECTOR.join('.')} or newer, then run ALTER EXTENSION vector UPDATE`,
        ),
      ]
    : [good(`pgvector ${extension.version}`)];
}

/** Only an administrator may read which migrations have run. */
async function migrationFindings(client: pg.Client): Promise<Finding[]> {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT has_table_privilege('public.schema_migrations', 'SELECT') AS may`,
  );
  if (!rows[0]?.may) {
    return [
      doubt(
        'which migrations have run is not to be seen without DATABASE_ADMIN_URL',
        'run the doctor once with it',
      ),
    ];
  }
  const applied = await client.query<{ name: string }>('SELECT name FROM public.schema_migrations');
  const ran = new Set(applied.rows.map(({ name }) => name));
  const ours = (await readdir(MIGRATIONS))
    .filter((file) => file.endsWith('.sql'))
    .map((file) => path.basename(file, '.sql'));
  const missing = ours.filter((name) => !ran.has(name)).toSorted();
  if (missing.length === 0) return [good(`all ${ours.length} migrations have run`)];
  return [fault(`these migrations have not run: ${missing.join(', ')}`, MIGRATE)];
}

/** Of every table with a tenant. A partition has no policy: whoever asks it by its name sees nothing. */
async function securityFindings(client: pg.Client): Promise<Finding[]> {
  const { rows } = await client.query<{
    name: string;
    on: boolean;
    forced: boolean;
    part: boolean;
    policies: number;
  }>(
    `SELECT c.relname AS name, c.relrowsecurity AS on, c.relforcerowsecurity AS forced,
            c.relispartition AS part, (SELECT count(*)::int FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`,
  );
  const found = rows.flatMap(({ name, on, forced, part, policies }): Finding[] => {
    if (!on) return [fault(`row-level security of ${name} is off: a query sees all tenants`, alter(name))];
    if (!forced) return [fault(`row-level security of ${name} does not hold for its owner`, alter(name))];
    if (part || policies > 0) return [];
    return [fault(`${name} has no policy, so nobody sees a row of it`, `${MIGRATE}, in a restored database`)];
  });
  return found.length > 0 ? found : [good(`row-level security is forced on all ${rows.length} tables`)];
}

const alter = (table: string): string =>
  `as an administrator: ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; ` +
  'then find out who took it away';
