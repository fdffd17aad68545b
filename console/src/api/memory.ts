/** A user’s memory: asking for it, and keeping what is shown true when something is forgotten. */
import type { InfiniteData } from '@tanstack/react-query';
import { api, PAGED, type Schemas } from './client.ts';
import { queryClient } from './query-client.ts';
import { dropMessage, dropMessages } from './said-here.ts';

export type Scope = { agentId: string; userId: string };

const MEMORY = '/v1/agents/{agentId}/users/{userId}/memory';
const LARGEST_PAGE = 200;
const LOOK_EVERY_MS = 5_000;

type Wanted = { exchangeId: string; everyMs: number };

/**
 * The long-term memory, page by page, newest first. While one page is loaded it is looked at again and again:
 * what is said elsewhere is stored at any time, and some time after its reply. With `wanted` that is done at
 * another pace until it holds that exchange.
 */
export function useMemories(scope: Scope, wanted?: Wanted) {
  return api.useInfiniteQuery(
    'get',
    MEMORY,
    { params: { path: scope, query: { limit: LARGEST_PAGE } } },
    {
      ...PAGED,
      // More pages are not loaded all over again: what changes them here says so below, else `lookAgain`.
      staleTime: ({ state }) => (hasMorePages(state.data) ? Infinity : LOOK_EVERY_MS),
      gcTime: 60_000,
      refetchInterval: ({ state }) => {
        if (wanted && !(state.data && holds(state.data.pages, wanted.exchangeId))) return wanted.everyMs;
        return hasMorePages(state.data) ? false : LOOK_EVERY_MS;
      },
    },
  );
}

const holds = (pages: ReadonlyArray<Schemas['Memory']>, exchangeId: string): boolean =>
  pages.some(({ memories }) => memories.some((memory) => memory.exchangeId === exchangeId));

const hasMorePages = (data: { pages: readonly unknown[] } | undefined): boolean =>
  data !== undefined && data.pages.length > 1;

/** Begins lists of which more than a page is loaded anew, with what is newest. */
export async function lookAgain(): Promise<void> {
  queryClient.setQueriesData<InfiniteData<Schemas['Memory']> | Schemas['Memory']>(
    { queryKey: ['get', MEMORY] },
    (known) =>
      known && 'pages' in known
        ? { pages: known.pages.slice(0, 1), pageParams: known.pageParams.slice(0, 1) }
        : known,
  );
  await queryClient.invalidateQueries({ queryKey: ['get', MEMORY] });
}

/** The last messages, verbatim, as they are by now. */
export function useWindow(scope: Scope) {
  return api.useQuery(
    'get',
    MEMORY,
    { params: { path: scope, query: { limit: 1 } } },
    { refetchInterval: LOOK_EVERY_MS },
  );
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
  dropMessages(scope);
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
  dropMessage(scope, exchangeId);
  forgetWhatIsShown(scope);
  // A list that was asked for before would bring it back.
  await queryClient.cancelQueries({
    queryKey: ['get', MEMORY],
    predicate: ({ state }) => state.data !== undefined,
  });
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
