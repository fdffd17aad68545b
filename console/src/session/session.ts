import { useQuery } from '@tanstack/react-query';
import { fetchClient, SESSION_KEY } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { takeSession, type Shown } from '../api/shown-session.ts';

/** Whoever is signed in, or undefined while that is asked. */
export function useSession() {
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }): Promise<Shown> => {
      const { data } = await fetchClient.GET('/console/session', { signal });
      return takeSession(data ?? { kind: 'none' });
    },
    staleTime: Infinity,
  });
}

/** What the page shows to whom. The API decides what is allowed. */
export type Rights = {
  /** Talk to agents. */
  canChat: boolean;
  /** Read everything of the tenant. */
  canRead: boolean;
  /** Change agents, forget and import. */
  canChange: boolean;
  /** Tenants and keys. */
  isOperator: boolean;
};

export function rightsOf(session: Shown): Rights {
  const role = session.kind === 'key' ? session.role : undefined;
  return {
    canChat: role === 'chat' || role === 'admin',
    canRead: role === 'read' || role === 'admin',
    canChange: role === 'admin',
    isOperator: session.kind === 'operator',
  };
}

/** The rights of whoever is signed in; none before that is known. */
export function useRights(): Rights {
  const { data } = useSession();
  return rightsOf(data ?? { kind: 'none' });
}

/** Where Temporal's Web UI shows a workflow, if it has one. */
export function useWorkflowLink(): (workflowId: string) => string | undefined {
  const { data } = useSession();
  const base = data && 'workflowsUrl' in data ? data.workflowsUrl : null;
  return (workflowId) => (base ? base + encodeURIComponent(workflowId) : undefined);
}

/** Signs out, and forgets all that was shown. Rejects where the session goes on. */
export async function signOut(): Promise<void> {
  await fetchClient.DELETE('/console/session');
  queryClient.clear();
  location.replace('/console/');
}
