/**
 * What the migrations take for granted, arranged as the role of `DATABASE_ADMIN_URL`. A superuser may do
 * anything; the administrators of managed Postgres are none. They own the database and have CREATEROLE, and
 * pgvector is there already, often in a schema of its own.
 */
import pg from 'pg';
import { passwordVerifier } from './password-verifier.ts';

/** The first with iterative index scans, without which a filtered search misses rows. */
const OLDEST_PGVECTOR_MINOR = 8;
const OLDEST_PGVECTOR = `0.${OLDEST_PGVECTOR_MINOR}`;
/** Owners of tables and of functions. The administrator acts as them. */
const OWNERS = ['konstruct_owner', 'konstruct_keys', 'konstruct_eraser'] as const;
/** What the service logs in as: a role for each process, or one for API and worker together. */
const SERVICE_ROLES = ['konstruct_app', 'konstruct_api', 'konstruct_worker', 'konstruct_operator'] as const;
export type ServiceRole = (typeof SERVICE_ROLES)[number];

/** The role that a user's name stands for. Poolers of some providers want the project behind the name. */
export function serviceRoleOf(user: string): ServiceRole | undefined {
  return SERVICE_ROLES.find((role) => user === role || user.startsWith(`${role}.`));
}

/** The administrator can't do what only another role may; the message says what to run as which. */
export class AdministratorError extends Error {
  override readonly name = 'AdministratorError';
}

/** Brings pgvector and the roles about, and lets this session's statements find pgvector. */
export async function prepareDatabase(client: pg.Client): Promise<void> {
  const schema = await findOrCreatePgvector(client);
  // Objects go into the first schema of the path, whatever the administrator's own path is.
  await client.query(`SET search_path = ${searchPath(schema)}`);
  await whileRolesChange(() => arrangeRoles(client));
  if (schema === 'public') return;
  for (const role of SERVICE_ROLES) await showPgvectorTo(client, role, schema);
}

/** Lets a role of the service log in with this password, which stands in no statement. */
export async function allowServiceLogin(
  client: pg.Client,
  role: ServiceRole,
  password: string,
): Promise<void> {
  const setPassword = (secret: string) =>
    whileRolesChange(() =>
      orSay(
        client.query(`ALTER ROLE ${role} LOGIN PASSWORD ${client.escapeLiteral(secret)}`),
        `the role ${role} was made by another administrator: run the migration as that one, or drop the role`,
      ),
    );
  try {
    await setPassword(await passwordVerifier(password));
  } catch (error) {
    // Neon, and what is built on it, has passwords checked by a service of its own, which wants to see them.
    if (!/only supports being given plaintext passwords/.test(messageOf(error))) throw error;
    await setPassword(password);
  }
}

/** The schema that pgvector is in. */
async function findOrCreatePgvector(client: pg.Client): Promise<string> {
  const find = async () => {
    const { rows } = await client.query<{ schema: string; version: string }>(
      `SELECT n.nspname AS schema, extversion AS version
       FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'vector'`,
    );
    return rows[0];
  };
  let found = await find();
  if (!found) {
    await createPgvector(client);
    found = await find();
  }
  if (!found) throw new Error('pgvector was created and is not there');
  const [major = 0, minor = 0] = found.version.split('.').map(Number);
  if (major === 0 && minor < OLDEST_PGVECTOR_MINOR) {
    throw new AdministratorError(
      `pgvector ${found.version} is too old: install ${OLDEST_PGVECTOR} or newer, then run ` +
        `ALTER EXTENSION vector UPDATE in this database`,
    );
  }
  return found.schema;
}

async function createPgvector(client: pg.Client): Promise<void> {
  try {
    await client.query('CREATE EXTENSION IF NOT EXISTS vector');
  } catch (error) {
    // Another process was faster.
    if (isRolesChange(error)) return;
    if (codeOf(error) === INSUFFICIENT_PRIVILEGE) {
      throw new AdministratorError(
        `pgvector is missing, and the role of DATABASE_ADMIN_URL may not create it: run ` +
          `CREATE EXTENSION vector in this database as a superuser, or switch it on where the database is managed`,
        { cause: error },
      );
    }
    throw new AdministratorError(
      `pgvector is missing and can't be created: install pgvector ${OLDEST_PGVECTOR} or newer on the server ` +
        `(${messageOf(error)})`,
      { cause: error },
    );
  }
}

async function arrangeRoles(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string; isSuperuser: boolean; version: number }>(
    `SELECT rolname AS name, rolsuper AS "isSuperuser", current_setting('server_version_num')::int AS version
     FROM pg_roles WHERE rolname = current_user`,
  );
  // A database older than Postgres 15 lets everybody, and owners' functions could meet others' objects.
  await client.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  const admin = rows[0];
  if (!admin || admin.isSuperuser) return;
  const name = client.escapeIdentifier(admin.name);
  const mayRun = admin.version >= 160_000 ? ' WITH SET TRUE, INHERIT TRUE' : '';
  for (const role of [...OWNERS, ...SERVICE_ROLES]) {
    const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
    if (rowCount === 0) {
      await orSay(
        client.query(`CREATE ROLE ${role} NOLOGIN`),
        `the role ${admin.name} of DATABASE_ADMIN_URL needs CREATEROLE`,
      );
    }
  }
  for (const role of OWNERS) {
    if (await actsAs(client, role, admin.version)) continue;
    await orSay(
      client.query(`GRANT ${role} TO ${name}${mayRun}`),
      `the role ${role} was made by another administrator: as that one or a superuser, run ` +
        `GRANT ${OWNERS.join(', ')} TO ${name}${mayRun}`,
    );
  }
  await allowCreation(client, admin.name);
}

/**
 * Whoever is to own a table must be allowed to create one; a superuser passes by this rule. The migrations
 * themselves let the owners of functions do so for a moment.
 */
async function allowCreation(client: pg.Client, admin: string): Promise<void> {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT has_schema_privilege('public', 'CREATE WITH GRANT OPTION')
        AND has_schema_privilege('public', 'USAGE WITH GRANT OPTION') AS may`,
  );
  if (!rows[0]?.may) {
    throw new AdministratorError(
      `the role ${admin} of DATABASE_ADMIN_URL must own the database: as its owner, run ` +
        `GRANT ALL ON SCHEMA public TO ${client.escapeIdentifier(admin)} WITH GRANT OPTION`,
    );
  }
  await client.query(`GRANT CREATE ON SCHEMA public TO ${OWNERS[0]}`);
}

/** Whether the administrator has a role's rights and can hand objects to it. */
async function actsAs(client: pg.Client, role: string, version: number): Promise<boolean> {
  const kinds = version >= 160_000 ? ['USAGE', 'SET'] : ['USAGE'];
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT bool_and(pg_has_role(current_user, $1, kind)) AS may FROM unnest($2::text[]) kind`,
    [role, kinds],
  );
  return rows[0]?.may === true;
}

/**
 * Lets a role of the service find pgvector's types and operators. As a setting of role and database it holds
 * for every connection, also for those that a pooler opens.
 */
async function showPgvectorTo(client: pg.Client, role: ServiceRole, schema: string): Promise<void> {
  await client.query(
    `DO $$ BEGIN CREATE ROLE ${role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
  );
  const name = client.escapeIdentifier(schema);
  const mayUse = async () => {
    const { rows } = await client.query<{ may: boolean }>(
      `SELECT has_schema_privilege($1, $2, 'USAGE') AS may`,
      [role, schema],
    );
    return rows[0]?.may === true;
  };
  if (!(await mayUse())) {
    const grant = `GRANT USAGE ON SCHEMA ${name} TO ${role}`;
    const cure = `pgvector is in the schema ${schema}: as its owner, run ${grant}`;
    // Two that migrate at once may both give it.
    await orSay(
      whileRolesChange(() => client.query(grant)),
      cure,
    );
    // Postgres only warns of a grant that its giver may not give.
    if (!(await mayUse())) throw new AdministratorError(cure);
  }
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  const database = client.escapeIdentifier(rows[0]?.name ?? '');
  await whileRolesChange(() =>
    client.query(`ALTER ROLE ${role} IN DATABASE ${database} SET search_path = ${searchPath(schema)}`),
  );
}

const searchPath = (schema: string): string =>
  schema === 'public' ? 'public' : `public, ${pg.escapeIdentifier(schema)}`;

/**
 * Repeats what failed because another process changed the same role: roles belong to the whole server, so
 * another database (a test's, say) may be migrated at this moment.
 */
async function whileRolesChange(change: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await change();
      return;
    } catch (error) {
      if (tries === MAX_TRIES || !isRolesChange(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * tries));
    }
  }
}

const MAX_TRIES = 30;
const INSUFFICIENT_PRIVILEGE = '42501';
const ALREADY_THERE: ReadonlySet<string> = new Set(['42710', '23505']);

/** `tuple concurrently updated` has no code of its own. */
const isRolesChange = (error: unknown): boolean =>
  ALREADY_THERE.has(codeOf(error)) || /tuple concurrently (updated|deleted)/.test(messageOf(error));

async function orSay(query: Promise<unknown>, cure: string): Promise<void> {
  try {
    await query;
  } catch (error) {
    if (codeOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new AdministratorError(`${cure} (${messageOf(error)})`, { cause: error });
  }
}

const codeOf = (error: unknown): string =>
  Error.isError(error) && 'code' in error ? String(error.code) : '';
const messageOf = (error: unknown): string => (Error.isError(error) ? error.message : String(error));
