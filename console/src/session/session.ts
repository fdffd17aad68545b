import { api, fetchClient, SESSION_KEY } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';

/** Whoever is signed in, or undefined while that is asked. */
export function useSession() {
  return api.useQuery('get', '/console/session', {}, { staleTime: Infinity });
}

type Session = NonNullable<ReturnType<typeof useSession>['data']>;

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

export function rightsOf(session: Session): Rights {
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
  const base = data && data.kind !== 'none' ? data.workflowsUrl : null;
  return (workflowId) => (base ? base + encodeURIComponent(workflowId) : undefined);
}

/** Signs out, and forgets all that was shown. */
export async function signOut(): Promise<void> {
  await fetchClient.DELETE('/console/session');
  queryClient.clear();
  await queryClient.invalidateQueries({ queryKey: SESSION_KEY });
  location.assign('/console/');
}
