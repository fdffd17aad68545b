/** The one way to the API, typed by its own description. */
import createFetchClient from 'openapi-fetch';
import createClient from 'openapi-react-query';
import { ProblemError, problemIn } from './problem.ts';
import { queryClient } from './query-client.ts';
import type { components, paths } from './schema.gen.ts';
import { shownSession } from './shown-session.ts';

export type Schemas = components['schemas'];

const SESSION = '/console/session';
export const SESSION_KEY = ['get', SESSION] as const;

/**
 * Calls the API, for a stream or a file too (`parseAs`). What is no success is thrown as a `ProblemError`,
 * and no answer at all as what `fetch` throws.
 */
export const fetchClient = createFetchClient<paths>({ fetch: (request) => fetch(request) });
fetchClient.use({
  onRequest({ request, schemaPath }) {
    const shown = shownSession();
    // Looking who has signed in is how the page finds out that it is somebody else.
    if (shown !== undefined && !(schemaPath === SESSION && request.method === 'GET'))
      request.headers.set('Konstruct-Session', shown);
  },
  async onResponse({ request, response, schemaPath }) {
    if (response.ok) return;
    const problem = await problemIn(response);
    // The session has ended, its key has, or it is another one: the page asks who is there, and shows that.
    if (response.status === 401 && (schemaPath !== SESSION || request.method === 'DELETE'))
      await queryClient.invalidateQueries({ queryKey: SESSION_KEY });
    throw new ProblemError(problem);
  },
});

/** Hooks for every call: `api.useQuery('get', '/v1/agents')`. */
export const api = createClient(fetchClient);

/** How a list is read page by page. */
export const PAGED = {
  pageParamName: 'cursor',
  // Left out of the query. Without a value of its own the client would send 0.
  initialPageParam: null,
  getNextPageParam: (last: { nextCursor: string | null }) => last.nextCursor ?? undefined,
};
