/**
 * Links by which somebody installs the app for one agent, once, within half an hour; and the states that take
 * a link through Slack and back. Both are signed: only what we have made ourselves is looked up.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { v4 as randomUuid, validate as isUuid } from 'uuid';
import { recordAudit, type AuditActor } from '../../../db/audit.ts';
import { inTenant } from '../../../db/tenant-transaction.ts';
import { isSameSecret } from '../../../lib/same-secret.ts';

/** How long a link may be used. */
export const LINK_VALID_MS = 30 * 60_000;

/** Whose link it is. */
export type LinkRef = { tenantId: string; linkId: string };

/** What a link or a state says, and whether it still may be used. */
export type ReadLink = LinkRef & { expiresAt: Date; isOver: boolean };

/** Makes a link for an agent; undefined when the tenant has no such agent. */
export async function createLink(
  { pool, stateSecret }: { pool: pg.Pool; stateSecret: string },
  { tenantId, agentId, actor }: { tenantId: string; agentId: string; actor: AuditActor },
): Promise<{ token: string; expiresAt: Date } | undefined> {
  const linkId = randomUuid();
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<{ expires_at: Date }>(
      `INSERT INTO slack_install_links (tenant_id, id, agent_id, expires_at)
       SELECT tenant_id, $3, id, now() + $4 * interval '1 millisecond' FROM agents WHERE tenant_id = $1 AND id = $2
       RETURNING expires_at`,
      [tenantId, agentId, linkId, LINK_VALID_MS],
    );
    const [link] = rows;
    if (!link) return undefined;
    // A used one tells that it was used for as long as it could have been.
    await client.query(
      `DELETE FROM slack_install_links WHERE tenant_id = $1 AND expires_at < now() - interval '1 day'`,
      [tenantId],
    );
    const target = { type: 'slack', id: agentId };
    await recordAudit(client, { tenantId, actor, action: 'slack.install-link', target, outcome: 'done' });
    return {
      token: signed(stateSecret, 'link', { tenantId, linkId }, link.expires_at),
      expiresAt: link.expires_at,
    };
  });
}

/** How often a link may lead back from Slack: each time costs a call of Slack with the app's secret. */
const MAX_TRIES = 3;

/** Counts that a link has led back from Slack. False when it has done so too often. */
export async function countTry(pool: pg.Pool, { tenantId, linkId }: LinkRef): Promise<boolean> {
  const { rowCount } = await inTenant(pool, tenantId, (client) =>
    client.query(
      'UPDATE slack_install_links SET tries = tries + 1 WHERE tenant_id = $1 AND id = $2 AND tries < $3',
      [tenantId, linkId, MAX_TRIES],
    ),
  );
  return rowCount === 1;
}

/** Whether a link was used already. */
export async function isLinkUsed(pool: pg.Pool, { tenantId, linkId }: LinkRef): Promise<boolean> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ used_at: Date | null }>(
      'SELECT used_at FROM slack_install_links WHERE tenant_id = $1 AND id = $2',
      [tenantId, linkId],
    ),
  );
  // One that is no longer kept has expired, which its own text says too.
  return rows[0] !== undefined && rows[0].used_at !== null;
}

/**
 * The token of a link, or the state that takes it through Slack: `kind` keeps one from being used as the
 * other.
 */
export function signed(
  secret: string,
  kind: 'link' | 'state',
  { tenantId, linkId }: LinkRef,
  expiresAt: Date,
): string {
  // No two states are the same: the browser's cookie names just one.
  const nonce = kind === 'state' ? randomBytes(16).toString('base64url') : '';
  const text = [tenantId, linkId, expiresAt.getTime(), nonce].join('.');
  return `${text}.${signatureOf(secret, kind, text)}`;
}

/** Reads what `signed` made; undefined for anything else. */
export function readSigned(secret: string, kind: 'link' | 'state', given: string): ReadLink | undefined {
  const at = given.lastIndexOf('.');
  const text = given.slice(0, Math.max(0, at));
  if (at < 0 || !isSameSecret(given.slice(at + 1), signatureOf(secret, kind, text))) return undefined;
  const [tenantId = '', linkId = '', expires = ''] = text.split('.');
  if (!isUuid(tenantId) || !isUuid(linkId)) return undefined;
  const expiresAt = new Date(Number(expires));
  return { tenantId, linkId, expiresAt, isOver: expiresAt.getTime() <= Date.now() };
}

function signatureOf(secret: string, kind: string, text: string): string {
  return createHmac('sha256', secret)
    .update(JSON.stringify(['slack', kind, text]))
    .digest('base64url');
}
