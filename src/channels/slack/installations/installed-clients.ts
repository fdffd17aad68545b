/** Clients of installations, one for each token, for as long as the process runs. */
import type { WebClient } from '@slack/web-api';
import { keepNewest } from '../../../lib/keep-newest.ts';
import { createSlackClient } from '../client.ts';
import type { StoredInstallation } from './installation-store.ts';

/** More workspaces than a process speaks to at a time. */
const MAX_KEPT = 2_000;

export type ClientOf = (installation: Pick<StoredInstallation, 'id' | 'token' | 'tenantId'>) => WebClient;

export function createInstalledClients(apiUrl: string): ClientOf {
  const kept = new Map<string, { token: string; client: WebClient }>();
  return ({ id, token, tenantId }) => {
    const old = kept.get(id);
    if (old?.token === token) return old.client;
    const client = createSlackClient({ token, apiUrl, tenantId });
    keepNewest(kept, id, { token, client }, MAX_KEPT);
    return client;
  };
}
