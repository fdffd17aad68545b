/** Exchanges that are being forgotten: the API has taken that on, and has not seen the end yet. */
import { useSyncExternalStore } from 'react';
import { fetchClient } from './client.ts';
import { asProblem } from './problem.ts';

const LOOK_EVERY_MS = 2_000;

const underWay = new Set<string>();
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function change(how: () => void): void {
  how();
  for (const listener of listeners) listener();
}

/** Whether an exchange is being forgotten. */
export const useIsForgetting = (exchangeId: string): boolean =>
  useSyncExternalStore(subscribe, () => underWay.has(exchangeId));

/**
 * Follows an erasure to its end, also behind other pages, and then does `onEnd`; the exchange counts as being
 * forgotten until that is done. Rejects where the API says no more of the erasure.
 */
export async function followForgetting(
  exchangeId: string,
  erasureId: string,
  onEnd: () => Promise<void>,
): Promise<void> {
  change(() => underWay.add(exchangeId));
  try {
    await endOf(erasureId);
    await onEnd();
  } finally {
    change(() => underWay.delete(exchangeId));
  }
}

async function endOf(erasureId: string): Promise<void> {
  for (;;) {
    try {
      const { data } = await fetchClient.GET('/v1/erasures/{erasureId}', { params: { path: { erasureId } } });
      if (data?.finishedAt) return;
    } catch (error) {
      // What is away, or has too much to do, answers later.
      const { status = 503 } = asProblem(error);
      if (status < 500 && status !== 429) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
