/** The workflows of no turn: an import, a reindex, a sweep, the removal of a tenant. */
import type { Activities } from '../../src/activities/index.ts';
import { importMemoryWorkflowId, reindexWorkflowId, removeTenantWorkflowId } from '../../src/domain/ids.ts';
import type { Scenario } from './scenarios.ts';

const TENANT = '00000000-0000-4000-8000-00000000000a';
const IMPORT = '00000000-0000-4000-8000-00000000000b';
const REINDEX = '00000000-0000-4000-8000-00000000000c';
const EXCHANGE = '00000000-0000-4000-8000-00000000000d';

/** One run to its end, recorded as `name`. */
function oneRun(
  name: string,
  [type, workflowId, ...args]: [type: string, workflowId: string, ...args: unknown[]],
  activities: Partial<Activities> = {},
): Scenario {
  return {
    activities,
    async play(stage) {
      await stage.run(type, workflowId, args);
      await stage.closed(workflowId);
      return { [name]: workflowId };
    },
  };
}

/** Gives these, one a call, and then 0. */
function counting(...numbers: number[]): () => Promise<number> {
  const left = [...numbers];
  return async () => left.shift() ?? 0;
}

function slices(...lines: number[]): Partial<Activities> {
  const next = counting(...lines);
  return { importSlice: async () => ({ lines: await next() }) };
}

/** A reindex that has so many slices. */
function renewing(slices: number): Partial<Activities> {
  let done = 0;
  return {
    reindexSlice: async () => ({
      after: (done += 1) < slices ? { version: 0, exchangeId: EXCHANGE } : null,
    }),
  };
}

const importing = ['ImportMemory', importMemoryWorkflowId(TENANT, IMPORT)] as const;
const imports = { tenantId: TENANT, importId: IMPORT };
const reindexing = ['Reindex', reindexWorkflowId(TENANT, REINDEX)] as const;
const reindex = { tenantId: TENANT, reindexId: REINDEX };
const removing = ['RemoveTenant', removeTenantWorkflowId(TENANT)] as const;

export const STORAGE: Scenario[] = [
  oneRun('imported', [...importing, imports], slices(50, 7)),
  oneRun('imported-in-a-further-run', [...importing, imports], slices(...Array<number>(21).fill(50))),
  oneRun('reindexed', [...reindexing, reindex], renewing(3)),
  oneRun('reindexed-in-a-further-run', [...reindexing, reindex], renewing(22)),
  oneRun('swept', ['SweepRetention', 'konstruct-sweep-retention']),
  oneRun('removed', [...removing, { tenantId: TENANT, settleMs: 500 }], { removeRuns: counting(3, 0, 1) }),
];
