import type pg from 'pg';
import { serviceRoleOf, type ServiceRole } from '../../src/db/prepare-database.ts';
import { fault, good, type Finding } from './finding.ts';

type Right = readonly [privilege: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE', table: string];

const API: readonly Right[] = [
  ['INSERT', 'turns'],
  ['UPDATE', 'turns'],
  ['INSERT', 'agents'],
  ['SELECT', 'conversation_embeddings'],
];
const WORKER: readonly Right[] = [
  ['UPDATE', 'turns'],
  ['INSERT', 'conversation_embeddings'],
  ['INSERT', 'exchange_passages'],
];
/** What each can't do its work without. The migrations grant more; when these are there, so is the rest. */
const NEEDED: Record<ServiceRole, readonly Right[]> = {
  konstruct_api: API,
  konstruct_worker: WORKER,
  konstruct_app: [...API, ...WORKER],
  konstruct_operator: [
    ['INSERT', 'tenants'],
    ['INSERT', 'api_keys'],
  ],
};
/** What no role of the service may: memories go through the functions that forget, with an audit entry. */
const FORBIDDEN: readonly Right[] = [
  ['DELETE', 'conversation_embeddings'],
  ['DELETE', 'exchange_passages'],
  ['DELETE', 'turns'],
];
const MIGRATE = 'migrate again: node cli/migrate.ts with DATABASE_ADMIN_URL';

/** Who is connected, what that role may do and not do, and that it sees no row without a tenant. */
export async function roleFindings(client: pg.Client, variable: string): Promise<Finding[]> {
  const { rows } = await client.query<{ name: string; above: boolean }>(
    `SELECT rolname AS name, rolsuper OR rolbypassrls AS above FROM pg_roles WHERE rolname = current_user`,
  );
  const [role] = rows;
  if (!role) return [];
  const known = serviceRoleOf(role.name);
  if (!known) {
    return [
      fault(
        `${variable} connects as ${role.name}${role.above ? ', whom row-level security does not bind' : ''}`,
        'connect as konstruct_api, konstruct_worker or konstruct_app (docs/DEPLOYMENT.md#postgres)',
      ),
    ];
  }
  if (role.above) {
    return [
      fault(
        `row-level security does not bind ${role.name}`,
        `as a superuser: ALTER ROLE ${role.name} NOSUPERUSER NOBYPASSRLS`,
      ),
    ];
  }
  const unusable = await vectorFindings(client, role.name);
  if (unusable.length > 0) return unusable;
  const wrong = [...(await rightFindings(client, known)), ...(await blindnessFindings(client, known))];
  return wrong.length > 0 ? wrong : [good(`${role.name} may do its work, and sees no row without a tenant`)];
}

/** The search path belongs to role and database, and a restore into a new database loses it. */
async function vectorFindings(client: pg.Client, name: string): Promise<Finding[]> {
  const { rows } = await client.query<{ seen: boolean }>(`SELECT to_regtype('vector') IS NOT NULL AS seen`);
  if (rows[0]?.seen) return [];
  return [fault(`${name} does not find pgvector's types`, `${MIGRATE}, which sets its search_path`)];
}

async function rightFindings(client: pg.Client, role: ServiceRole): Promise<Finding[]> {
  const may = async ([privilege, table]: Right): Promise<boolean> => {
    // Many grants are of single columns, which DELETE knows none of.
    const kind = privilege === 'DELETE' ? 'has_table_privilege' : 'has_any_column_privilege';
    const { rows } = await client.query<{ may: boolean | null }>(
      `SELECT ${kind}(to_regclass('public.' || $1), $2) AS may`,
      [table, privilege],
    );
    return rows[0]?.may === true;
  };
  const found: Finding[] = [];
  for (const right of NEEDED[role]) {
    if (await may(right)) continue;
    found.push(fault(`${role} may not ${right.join(' in ')}`, MIGRATE));
  }
  for (const right of FORBIDDEN) {
    if (!(await may(right))) continue;
    const [privilege, table] = right;
    found.push(
      fault(
        `${role} may ${privilege} in ${table}, which it should not`,
        `as an administrator: REVOKE ${privilege} ON ${table} FROM ${role}`,
      ),
    );
  }
  return found;
}

/** The proof of the policies: whoever names no tenant sees nothing, or is refused. */
async function blindnessFindings(client: pg.Client, role: ServiceRole): Promise<Finding[]> {
  const table = role === 'konstruct_operator' ? 'tenants' : 'turns';
  // The operator's role sees the tenants; what was said in them it does not.
  if (role === 'konstruct_operator') return [];
  const seen = await client.query(`SELECT 1 FROM ${table} LIMIT 1`).then(
    ({ rows }) => rows.length > 0,
    () => false,
  );
  return seen
    ? [
        fault(
          `${role} sees rows of ${table} without a tenant`,
          `${MIGRATE}; as an administrator compare the policies of ${table} (\\d ${table}) with migrations/`,
        ),
      ]
    : [];
}
