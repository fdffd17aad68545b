import { fetchClient } from './client.ts';

export type AgentName = { id: string; name: string; jobTitle?: string };

/** All agents, oldest first, page by page: for whoever may read them. */
export async function readAgents(signal?: AbortSignal): Promise<AgentName[]> {
  const known: AgentName[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: 200, ...(cursor !== undefined && { cursor }) };
    const { data } = await fetchClient.GET('/v1/agents', { params: { query }, ...(signal && { signal }) });
    known.push(...(data?.agents ?? []));
    cursor = data?.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return known;
}
