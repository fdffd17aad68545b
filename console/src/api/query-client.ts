import { QueryClient } from '@tanstack/react-query';
import { asProblem } from './problem.ts';

/**
 * What is asked is asked at once, and fails at once where nothing answers. A browser that takes itself for
 * offline may reach a Konstruct on its own machine, and what waits for a network is done when nobody wants it
 * any more.
 */
const AT_ONCE = { networkMode: 'always' } as const;

/** What has been asked, kept for as long as the page is open. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      ...AT_ONCE,
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: true,
      // A refusal stays one. What is away may be there in a moment.
      retry: (failures, error) => failures < 2 && (asProblem(error).status ?? 503) >= 500,
    },
    mutations: AT_ONCE,
  },
});
