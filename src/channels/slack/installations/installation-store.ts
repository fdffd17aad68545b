/** Installations of the app, as Postgres keeps them (migrations/0021). */
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import { recordAudit, SYSTEM, type AuditActor } from '../../../db/audit.ts';
import { inNoTenant, inTenant } from '../../../db/tenant-transaction.ts';
import type { SealedToken, TokenVault } from './token-vault.ts';

/** An installation that stands, with its token. */
export type StoredInstallation = {
  tenantId: string;
  id: string;
  agentId: string;
  /** The workspace, or the organisation. */
  place: string;
  isOrganisation: boolean;
  botUserId: string;
  botId: string | undefined;
  token: string;
};

type Row = {
  tenant_id: string;
  id: string;
  agent_id: string;
  place: string;
  is_organisation: boolean;
  bot_user_id: string;
  bot_id: string | null;
  token_key: string | null;
  token: Buffer | null;
};

/** What is known of where an event comes from, or a reply goes to. */
export type PlaceIds = { workspace: string | undefined; organisation: string | undefined };

/**
 * The installation of a place, whosever it is. Runs before a tenant is known.
 */
export async function findInstallationOf(
  { pool, vault }: { pool: pg.Pool; vault: TokenVault },
  { workspace, organisation }: PlaceIds,
): Promise<StoredInstallation | undefined> {
  const { rows } = await inNoTenant(pool, (client) =>
    client.query<Row>('SELECT * FROM find_slack_installation($1, $2)', [
      workspace ?? null,
      organisation ?? null,
    ]),
  );
  return rows[0] && opened(rows[0], vault);
}

/** Whose a place is, whether or not its token can be opened. Runs before a tenant is known. */
export async function findHolder(
  pool: pg.Pool,
  { workspace, organisation }: PlaceIds,
): Promise<string | undefined> {
  const { rows } = await inNoTenant(pool, (client) =>
    client.query<Pick<Row, 'tenant_id'>>('SELECT tenant_id FROM find_slack_installation($1, $2)', [
      workspace ?? null,
      organisation ?? null,
    ]),
  );
  return rows[0]?.tenant_id;
}

/** A tenant's installation of a place; undefined where the app is not, or no longer. */
export async function findOwnInstallation(
  { pool, vault }: { pool: pg.Pool; vault: TokenVault },
  tenantId: string,
  place: string,
): Promise<StoredInstallation | undefined> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<Row>({
      name: 'find own slack installation',
      text: `SELECT tenant_id, id, agent_id, place, is_organisation, bot_user_id, bot_id, token_key, token
             FROM slack_installations WHERE tenant_id = $1 AND place = $2 AND ended_at IS NULL`,
      values: [tenantId, place],
    }),
  );
  return rows[0] && opened(rows[0], vault);
}

/** A tenant's installation for all of an organisation; undefined where it has none. */
export async function findOwnOrganisation(
  { pool, vault }: { pool: pg.Pool; vault: TokenVault },
  tenantId: string,
): Promise<StoredInstallation | undefined> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<Row>(
      `SELECT tenant_id, id, agent_id, place, is_organisation, bot_user_id, bot_id, token_key, token
       FROM slack_installations WHERE tenant_id = $1 AND is_organisation AND ended_at IS NULL
       ORDER BY installed_at LIMIT 1`,
      [tenantId],
    ),
  );
  return rows[0] && opened(rows[0], vault);
}

function opened(row: Row, vault: TokenVault): StoredInstallation {
  const { tenant_id: tenantId, id, token_key: keyId, token: bytes } = row;
  const token = keyId && bytes ? vault.open({ tenantId, id }, { keyId, bytes }) : undefined;
  if (token === undefined) {
    throw new Error(
      `the token of Slack's ${row.place} is encrypted with the key ${keyId}, which this process lacks: ` +
        'give API and worker the same KONSTRUCT_ENCRYPTION_KEYS, or install the app again',
    );
  }
  return {
    tenantId,
    id,
    agentId: row.agent_id,
    place: row.place,
    isOrganisation: row.is_organisation,
    botUserId: row.bot_user_id,
    botId: row.bot_id ?? undefined,
    token,
  };
}

/** What an installation tells of itself. */
export type NewInstallation = Omit<StoredInstallation, 'id' | 'tenantId' | 'agentId'> & { scopes: string };

/** Why somebody could not install. */
export type BindingRefusal = 'used' | 'expired' | 'elsewhere';

const UNIQUE_VIOLATION = '23505';

/**
 * Binds a place to a link's agent, and uses the link up. An installation of the same tenant gives way;
 * another tenant's doesn't.
 */
export async function bindInstallation(
  { pool, vault }: { pool: pg.Pool; vault: TokenVault },
  link: { tenantId: string; linkId: string },
  installation: NewInstallation,
  actor: AuditActor,
): Promise<BindingRefusal | { agentName: string }> {
  const { tenantId, linkId } = link;
  const { place, isOrganisation, botUserId, botId, scopes, token } = installation;
  const id = randomUuid();
  const sealed = vault.seal({ tenantId, id }, token);
  const bind = () =>
    inTenant(pool, tenantId, async (client) => {
      const agent = await useLink(client, tenantId, linkId);
      if (typeof agent === 'string') return agent;
      await end(client, { tenantId, by: 'replaced', where: 'place = $3', values: [place] });
      await client.query(
        `INSERT INTO slack_installations
           (tenant_id, id, agent_id, place, is_organisation, bot_user_id, bot_id, scopes, token_key, token)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [tenantId, id, agent.id, place, isOrganisation, botUserId, botId, scopes, sealed.keyId, sealed.bytes],
      );
      const target = { type: 'slack-installation', id };
      await recordAudit(client, { tenantId, actor, action: 'slack.install', target, outcome: 'done' });
      return { agentName: agent.name };
    });
  for (;;) {
    try {
      return await bind();
    } catch (error) {
      if (!Error.isError(error) || !('code' in error) || error.code !== UNIQUE_VIOLATION) throw error;
      // With it the whole transaction is gone: the link may be used once the app has left there. Another link
      // of the same tenant was a moment faster, and gives way as one that stood there before.
      if (!(await isOwn(pool, tenantId, place))) return 'elsewhere';
    }
  }
}

async function isOwn(pool: pg.Pool, tenantId: string, place: string): Promise<boolean> {
  const { rowCount } = await inTenant(pool, tenantId, (client) =>
    client.query('SELECT FROM slack_installations WHERE tenant_id = $1 AND place = $2 AND ended_at IS NULL', [
      tenantId,
      place,
    ]),
  );
  return rowCount === 1;
}

async function useLink(
  client: pg.PoolClient,
  tenantId: string,
  linkId: string,
): Promise<'used' | 'expired' | { id: string; name: string }> {
  const { rows } = await client.query<{ id: string; name: string; is_used: boolean; is_over: boolean }>(
    `SELECT a.id, a.name, l.used_at IS NOT NULL AS is_used, l.expires_at <= now() AS is_over
     FROM slack_install_links l JOIN agents a ON a.tenant_id = l.tenant_id AND a.id = l.agent_id
     WHERE l.tenant_id = $1 AND l.id = $2 FOR UPDATE OF l`,
    [tenantId, linkId],
  );
  const [link] = rows;
  // Those that have expired don't stay for long.
  if (!link || (link.is_over && !link.is_used)) return 'expired';
  if (link.is_used) return 'used';
  await client.query('UPDATE slack_install_links SET used_at = now() WHERE tenant_id = $1 AND id = $2', [
    tenantId,
    linkId,
  ]);
  return { id: link.id, name: link.name };
}

/** Slack's clock and ours may differ by this; nobody removes an app and installs it again within it. */
const CLOCKS_DIFFER_SECONDS = 5;

const untilOf = (at: number | undefined): number | null =>
  at === undefined ? null : at + CLOCKS_DIFFER_SECONDS;
const isOlderThan = (until: string): string =>
  `(${until}::float8 IS NULL OR installed_at < to_timestamp(${until}::float8))`;

type InstallationRef = { tenantId: string; id: string };

/** Whether an installation stands, and stood at that time, in seconds. */
export async function mayHaveEnded(
  pool: pg.Pool,
  { tenantId, id }: InstallationRef,
  at: number | undefined,
): Promise<boolean> {
  const { rowCount } = await inTenant(pool, tenantId, (client) =>
    client.query(
      `SELECT FROM slack_installations
       WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL AND ${isOlderThan('$3')}`,
      [tenantId, id, untilOf(at)],
    ),
  );
  return rowCount === 1;
}

/**
 * The app is gone from there, or may not speak there any more: its token is wiped. What happened before it
 * was installed, and is told late, ends nothing; `at` in seconds. Gives whether it has ended by this.
 */
export async function endInstallation(
  pool: pg.Pool,
  { tenantId, id }: InstallationRef,
  { by, at }: { by: 'uninstalled' | 'revoked'; at: number | undefined },
): Promise<boolean> {
  return inTenant(pool, tenantId, async (client) => {
    const where = `id = $3 AND ${isOlderThan('$4')}`;
    const ended = await end(client, { tenantId, by, where, values: [id, untilOf(at)] });
    if (ended === 0) return false;
    const target = { type: 'slack-installation', id };
    await recordAudit(client, { tenantId, actor: SYSTEM, action: 'slack.end', target, outcome: 'done' });
    return true;
  });
}

async function end(
  client: pg.PoolClient,
  { tenantId, by, where, values }: { tenantId: string; by: string; where: string; values: unknown[] },
): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE slack_installations SET token = NULL, token_key = NULL, ended_at = now(), ended_by = $2
     WHERE tenant_id = $1 AND ended_at IS NULL AND ${where}`,
    [tenantId, by, ...values],
  );
  return rowCount ?? 0;
}

/** Encrypts with the ring's first key what another one has encrypted. Gives how many. Safe to repeat. */
export async function encryptAgain({ pool, vault }: { pool: pg.Pool; vault: TokenVault }): Promise<number> {
  if (vault.currentKey === undefined) return 0;
  const { rows: old } = await inNoTenant(pool, (client) =>
    client.query<{ tenant_id: string; id: string }>('SELECT * FROM slack_installations_to_encrypt($1)', [
      vault.currentKey,
    ]),
  );
  let encrypted = 0;
  for (const { tenant_id: tenantId, id } of old) {
    encrypted += await inTenant(pool, tenantId, async (client) => {
      const { rows } = await client.query<SealedToken>(
        `SELECT token_key AS "keyId", token AS bytes FROM slack_installations
         WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL FOR UPDATE`,
        [tenantId, id],
      );
      const token = rows[0] && vault.open({ tenantId, id }, rows[0]);
      if (token === undefined) return 0;
      const { keyId, bytes } = vault.seal({ tenantId, id }, token);
      await client.query(
        'UPDATE slack_installations SET token_key = $3, token = $4 WHERE tenant_id = $1 AND id = $2',
        [tenantId, id, keyId, bytes],
      );
      return 1;
    });
  }
  return encrypted;
}
