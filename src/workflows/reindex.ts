import { continueAsNew } from '@temporalio/workflow';
import type { ReindexInput, ReindexProgress } from '../domain/reindex.ts';
import { beginReindex, finishReindex, reindexSlice } from './activities.ts';
import { rest, SLICES_OF_A_RUN } from './slices.ts';

/**
 * Derives anew what older code has derived of a tenant's exchanges, slice by slice, from the first to the
 * last. What is done stays done. What cannot be done, or comes behind it from an older worker, is counted at
 * the end, and left.
 */
export async function Reindex({ after: begun, ...key }: ReindexInput): Promise<ReindexProgress | null> {
  if (!begun) await beginReindex(key);
  let after = begun ?? null;
  for (let slice = 1; ; slice += 1) {
    ({ after } = await reindexSlice({ ...key, after }));
    if (!after) return finishReindex(key);
    // replay-tested: 2026-11-29 (reindexed-in-a-further-run)
    if (slice >= SLICES_OF_A_RUN) return continueAsNew<typeof Reindex>({ ...key, after });
    await rest();
  }
}
