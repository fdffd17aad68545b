import { continueAsNew } from '@temporalio/workflow';
import { finishImport, importSlice } from './activities.ts';
import { rest, SLICES_OF_A_RUN } from './slices.ts';

/**
 * Stores what an import has brought, slice by slice. What is done stays done, so a retry goes on. A file that
 * brings its embeddings costs the model nothing, and the database all the more: so it rests too.
 */
export async function ImportMemory(input: {
  tenantId: string;
  importId: string;
}): Promise<{ exchanges: number; stored: number }> {
  for (let slice = 1; (await importSlice(input)).lines > 0; slice += 1) {
    // replay-tested: 2026-11-30 (imported-in-a-further-run)
    if (slice >= SLICES_OF_A_RUN) return continueAsNew<typeof ImportMemory>(input);
    await rest();
  }
  return finishImport(input);
}
