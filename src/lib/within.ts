import { Problem, unavailable } from '../api/problems.ts';

/** How long a sender waits before being told to try again: from a message's arrival to Temporal's word. */
export const ANSWER_WITHIN_MS = 2_000;

/** What `work` gives, or after `deadline` (epoch ms) a 503 that names the service. A failing Temporal is a 503 too. */
export async function within<T>(
  deadline: number,
  service: 'The database' | 'Redis' | 'Temporal',
  work: Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(service)), Math.max(0, deadline - Date.now()));
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    // What the database says is told apart later: a bug of ours is no outage.
    if (error instanceof Problem || service === 'The database') throw error;
    throw unavailable(service);
  } finally {
    clearTimeout(timer);
    // Whoever loses the race may still fail later; nobody is left to hear it.
    work.catch(() => undefined);
  }
}
