import { useQuery } from '@tanstack/react-query';
import { fetchClient, SESSION_KEY } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { disownPages, takeSession, type Shown } from '../api/shown-session.ts';
import { rightsOf, type Rights } from './rights.ts';

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

/**
 * Shows the pages to whoever has just signed in: as they were left where it is the same one as before; else
 * the page is loaded anew, and nothing of what others have seen or written is left.
 */
export async function enter(): Promise<void> {
  const { data } = await fetchClient.GET('/console/session');
  const session = takeSession(data ?? { kind: 'none' });
  if (session.kind !== 'another') {
    queryClient.setQueryData(SESSION_KEY, session);
    return;
  }
  sessionStorage.clear();
  location.reload();
  // Nothing more is shown until then.
  await new Promise(() => {});
}

/** Signs out, and forgets all that was shown. Rejects where the session goes on. */
export async function signOut(): Promise<void> {
  await fetchClient.DELETE('/console/session');
  disownPages();
  queryClient.clear();
  sessionStorage.clear();
  location.replace('/console/');
}
