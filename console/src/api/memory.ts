/** A user’s memory: asking for it, and keeping what is shown true when something is forgotten. */
import type { InfiniteData } from '@tanstack/react-query';
import { api, PAGED, type Schemas } from './client.ts';
import { queryClient } from './query-client.ts';

export type Scope = { agentId: string; userId: string };

const MEMORY = '/v1/agents/{agentId}/users/{userId}/memory';
const LARGEST_PAGE = 200;

type Wanted = { exchangeId: string; everyMs: number };

/**
 * The long-term memory, page by page, newest first. With `wanted` it is looked at again and again until it
 * holds that exchange.
 */
export function useMemories(scope: Scope, wanted?: Wanted) {
  return api.useInfiniteQuery(
    'get',
    MEMORY,
    { params: { path: scope, query: { limit: LARGEST_PAGE } } },
    {
      ...PAGED,
      // A large memory is not loaded all over again: what changes it here says so below.
      staleTime: Infinity,
      gcTime: 60_000,
      refetchInterval: ({ state }) =>
        !wanted || (state.data && holds(state.data.pages, wanted.exchangeId)) ? false : wanted.everyMs,
    },
  );
}

const holds = (pages: ReadonlyArray<Schemas['Memory']>, exchangeId: string): boolean =>
  pages.some(({ memories }) => memories.some((memory) => memory.exchangeId === exchangeId));

/** The last messages, verbatim. */
export function useWindow(scope: Scope) {
  return api.useQuery('get', MEMORY, { params: { path: scope, query: { limit: 1 } } });
}

/** What was said with a user is shown elsewhere too: the conversation, the window before it, stories. */
function forgetWhatIsShown({ agentId, userId }: Scope): void {
  for (const name of ['conversation', 'before']) {
    queryClient.removeQueries({ queryKey: [name, agentId, userId] });
  }
  queryClient.removeQueries({ queryKey: ['get', '/v1/messages/{messageId}/story'] });
}

/** A user's memory is erased. */
export async function memoryIsGone(scope: Scope): Promise<void> {
  forgetWhatIsShown(scope);
  await memoryHasChanged();
}

/** There is more or less to remember: lists that nobody looks at are asked for anew when somebody does. */
export async function memoryHasChanged(): Promise<void> {
  queryClient.removeQueries({ queryKey: ['get', MEMORY], type: 'inactive' });
  await queryClient.invalidateQueries({ queryKey: ['get', MEMORY] });
}

/** An exchange is forgotten: it goes from the pages that are there, which need not be asked for again. */
export async function exchangeIsGone(scope: Scope, exchangeId: string): Promise<void> {
  forgetWhatIsShown(scope);
  queryClient.setQueriesData<InfiniteData<Schemas['Memory']> | Schemas['Memory']>(
    { queryKey: ['get', MEMORY] },
    (known) =>
      known && 'pages' in known
        ? {
            ...known,
            pages: known.pages.map((page) => ({
              ...page,
              memories: page.memories.filter((memory) => memory.exchangeId !== exchangeId),
            })),
          }
        : known,
  );
  await queryClient.invalidateQueries({
    queryKey: ['get', MEMORY],
    predicate: ({ state }) => !(state.data && typeof state.data === 'object' && 'pages' in state.data),
  });
}
