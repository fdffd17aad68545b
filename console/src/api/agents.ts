import { useRights } from '../session/session.ts';
import { api, PAGED } from './client.ts';

export type AgentName = { id: string; name: string; jobTitle?: string };

/** The agents by name, oldest first: what a key of any role may know of them. */
export function useAgentNames() {
  const { canRead } = useRights();
  const read = api.useInfiniteQuery(
    'get',
    '/v1/agents',
    { params: { query: { limit: 200 } } },
    {
      ...PAGED,
      enabled: canRead,
    },
  );
  const listed = api.useQuery('get', '/v1/models', {}, { enabled: !canRead });
  const agents: AgentName[] | undefined = canRead
    ? read.data?.pages.flatMap((page) => page.agents)
    : listed.data?.data;
  const { error, isPending, refetch } = canRead ? read : listed;
  return { data: agents, error, isPending, refetch };
}

/** An agent’s name, or the beginning of its id where it has none here. */
export function useAgentName(): (agentId: string) => string {
  const { data } = useAgentNames();
  return (agentId) => data?.find(({ id }) => id === agentId)?.name ?? `${agentId.slice(0, 8)}…`;
}
