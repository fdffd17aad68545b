/** The API, typed by its own description. */
import createFetchClient from 'openapi-fetch';
import createClient from 'openapi-react-query';
import { queryClient } from './query-client.ts';
import type { components, paths } from './schema.gen.ts';

export type Schemas = components['schemas'];

export const SESSION_KEY = ['get', '/console/session'] as const;

export const fetchClient = createFetchClient<paths>();
fetchClient.use({
  async onResponse({ response, schemaPath }) {
    // The session has ended, or its key has: the page asks who is there, and shows the way in.
    if (response.status === 401 && schemaPath !== '/console/session') {
      await queryClient.invalidateQueries({ queryKey: SESSION_KEY });
    }
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
