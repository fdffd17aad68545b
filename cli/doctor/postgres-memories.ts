import pg from 'pg';
import { DERIVED_VERSION } from '../../src/memory/long-term/derived-version.ts';
import { doubt, good, type Environment, type Finding } from './finding.ts';

/** Tenants that are looked at, the newest first, and those of them that are named. */
const TENANTS = 1_000;
const NAMED = 5;
/** Who may read what is derived, tenant by tenant. */
const READERS = ['DATABASE_WORKER_URL', 'DATABASE_API_URL', 'DATABASE_URL'] as const;

/**
 * Which tenants have memories that older code has derived. Only the operator knows the tenants, and he reads
 * no memories: without the URLs of both nothing is found. Rejects when Postgres does not answer.
 */
export async function memoryFindings(
  env: Environment,
  options: Pick<pg.ClientConfig, 'connectionTimeoutMillis' | 'query_timeout'>,
): Promise<Finding[]> {
  const operator = env['DATABASE_OPERATOR_URL'];
  const reader = READERS.map((name) => env[name]).find(Boolean);
  if (!operator || !reader) return [];
  const tenants = await withClient({ connectionString: operator, ...options }, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM tenants ORDER BY created_at DESC, id DESC LIMIT ${TENANTS}`,
    );
    return rows.map(({ id }) => id);
  });
  const old = await withClient({ connectionString: reader, ...options }, async (client) => {
    const found: string[] = [];
    for (const id of tenants) if (await hasOld(client, id)) found.push(id);
    return found;
  });
  const [first] = old;
  if (!first) return [good(`what is derived of memories is of version ${DERIVED_VERSION}`)];
  const more = old.length > NAMED ? ` and ${old.length - NAMED} more tenants` : '';
  return [
    doubt(
      `memories that older code has derived, of ${old.slice(0, NAMED).join(', ')}${more}: they are recalled all the same`,
      `once every worker is new: POST /v1/tenants/${first}/reindex with the operator's token, and so for each ` +
        '(docs/RUNBOOK.md#after-an-upgrade)',
    ),
  ];
}

async function hasOld(client: pg.Client, tenantId: string): Promise<boolean> {
  await client.query('BEGIN');
  try {
    await client.query(`SELECT set_config('app.current_tenant', $1, true)`, [tenantId]);
    const { rows } = await client.query<{ old: boolean }>(
      'SELECT EXISTS (SELECT FROM exchange_passages WHERE tenant_id = $1 AND version < $2::int2) AS old',
      [tenantId, DERIVED_VERSION],
    );
    return rows[0]?.old === true;
  } finally {
    await client.query('ROLLBACK');
  }
}

async function withClient<T>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(config);
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
