import { QueryClient } from '@tanstack/react-query';
import { asProblem } from './problem.ts';

/** What has been asked, kept for as long as the page is open. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      // A refusal stays one. What is away may be there in a moment.
      retry: (failures, error) => failures < 2 && (asProblem(error).status ?? 503) >= 500,
    },
  },
});
