import { useQuery } from '@tanstack/react-query';
import { useRights } from '../session/session.ts';
import { api } from './client.ts';
import { readAgents, type AgentName } from './read-agents.ts';

/** The agents by name, oldest first: what a key of any role may know of them. */
export function useAgentNames() {
  const { canRead } = useRights();
  const read = useQuery({
    // It begins as every list of agents does: what makes an agent or changes one makes it be asked for anew.
    queryKey: ['get', '/v1/agents', 'all'],
    queryFn: ({ signal }) => readAgents(signal),
    enabled: canRead,
  });
  const listed = api.useQuery('get', '/v1/models', {}, { enabled: !canRead });
  const agents: AgentName[] | undefined = canRead ? read.data : listed.data?.data;
  const { error, isPending, refetch } = canRead ? read : listed;
  return { data: agents, error, isPending, refetch };
}

/** An agent’s name, or the beginning of its id where it has none here. */
export function useAgentName(): (agentId: string) => string {
  const { data } = useAgentNames();
  return (agentId) => data?.find(({ id }) => id === agentId)?.name ?? `${agentId.slice(0, 8)}…`;
}
