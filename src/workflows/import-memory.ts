import { finishImport, importSlice } from './activities.ts';

/**
 * Stores what an import has brought, slice by slice. What is done stays done, so a retry goes on. The largest
 * file has some 2,000 slices, which one history holds.
 */
export async function ImportMemory(input: {
  tenantId: string;
  importId: string;
}): Promise<{ exchanges: number; stored: number }> {
  let left = true;
  while (left) left = (await importSlice(input)).lines > 0;
  return finishImport(input);
}
