/** A user’s memory: asking for it, and keeping what is shown true when something is forgotten. */
import type { InfiniteData } from '@tanstack/react-query';
import { api, PAGED, type Schemas } from './client.ts';
import { queryClient } from './query-client.ts';

export type Scope = { agentId: string; userId: string };
export type Memory = Schemas['Memory']['memories'][number];

const MEMORY = '/v1/agents/{agentId}/users/{userId}/memory';
const LARGEST_PAGE = 200;

/** The long-term memory, page by page, newest first. An empty one can be looked at until it is none. */
export function useMemories(scope: Scope, { refetchUntilThere }: { refetchUntilThere?: number } = {}) {
  return api.useInfiniteQuery(
    'get',
    MEMORY,
    { params: { path: scope, query: { limit: LARGEST_PAGE } } },
    {
      ...PAGED,
      refetchInterval: ({ state }) =>
        state.data?.pages.some(({ memories }) => memories.length > 0) ? false : (refetchUntilThere ?? false),
    },
  );
}

/** The last messages, verbatim. */
export function useWindow(scope: Scope) {
  return api.useQuery('get', MEMORY, { params: { path: scope, query: { limit: 1 } } });
}

/** There is more or less to remember: lists that nobody looks at are asked for anew when somebody does. */
export async function memoryHasChanged(): Promise<void> {
  queryClient.removeQueries({ queryKey: ['get', MEMORY], type: 'inactive' });
  await queryClient.invalidateQueries({ queryKey: ['get', MEMORY] });
}

/** An exchange is forgotten: it goes from the pages that are there, which need not be asked for again. */
export async function exchangeIsGone(exchangeId: string): Promise<void> {
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

export type Exchange = { id: string; at: string; messages: Array<Pick<Memory, 'role' | 'content'>> };

/** Memories as the exchanges that they are of: what was said first stands first. */
function asExchanges(memories: readonly Memory[]): Exchange[] {
  const exchanges = new Map<string, Exchange>();
  for (const { exchangeId, createdAt, role, content } of memories) {
    const { at = createdAt, messages = [] } = exchanges.get(exchangeId) ?? {};
    const isFirst = role === 'user';
    exchanges.set(exchangeId, {
      id: exchangeId,
      at: isFirst ? createdAt : at,
      messages: isFirst ? [{ role, content }, ...messages] : [...messages, { role, content }],
    });
  }
  return [...exchanges.values()];
}

type Page = { memories: Memory[] };
const ofPages = new WeakMap<Page, Exchange[]>();

/**
 * The exchanges of all pages. A page that is known gives the same objects again, so that a list which gets
 * one more page draws no more than that.
 */
export function exchangesOf(pages: readonly Page[]): Exchange[] {
  const all: Exchange[] = [];
  for (const page of pages) {
    const exchanges = ofPages.get(page) ?? asExchanges(page.memories);
    ofPages.set(page, exchanges);
    const [first, ...rest] = exchanges;
    const before = all.at(-1);
    if (!first || before?.id !== first.id) {
      all.push(...exchanges);
      continue;
    }
    // The end of the page lay between a message and its reply.
    all[all.length - 1] = { ...first, messages: [...first.messages, ...before.messages] };
    all.push(...rest);
  }
  return all;
}
