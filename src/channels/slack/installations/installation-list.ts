import type pg from 'pg';
import type { PageAsked } from '../../../db/page.ts';
import { behind, CREATED_AT, isoTime, type Place } from '../../../db/place.ts';
import { inTenant } from '../../../db/tenant-transaction.ts';

/** An installation in a list, without its token. Times are ISO 8601. */
export type ListedInstallation = Place & {
  agentId: string;
  /** The workspace, or the organisation. */
  place: string;
  isOrganisation: boolean;
  endedAt: string | null;
  endedBy: 'uninstalled' | 'revoked' | 'replaced' | 'removed' | null;
};

/** Where the app is installed for a tenant, and where it was, the last one first. */
export async function listInstallations(
  pool: pg.Pool,
  tenantId: string,
  { limit, after }: PageAsked,
): Promise<ListedInstallation[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<ListedInstallation>(
      `SELECT id, agent_id AS "agentId", place, is_organisation AS "isOrganisation", ended_by AS "endedBy",
              ${isoTime('ended_at')} AS "endedAt", ${CREATED_AT}
       FROM (SELECT id, agent_id, place, is_organisation, ended_at, ended_by, installed_at AS created_at
             FROM slack_installations
             WHERE tenant_id = $1 AND (installed_at, id) < ($2::timestamptz, $3::uuid)
             ORDER BY installed_at DESC, id DESC LIMIT $4) AS newest
       ORDER BY created_at DESC, id DESC`,
      [tenantId, ...behind(after), limit],
    ),
  );
  return rows;
}
