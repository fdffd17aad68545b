/** The workflows of no turn: an import, a sweep, the removal of a tenant. */
import type { Activities } from '../../src/activities/index.ts';
import { importMemoryWorkflowId, removeTenantWorkflowId } from '../../src/domain/ids.ts';
import type { Scenario } from './scenarios.ts';

const TENANT = '00000000-0000-4000-8000-00000000000a';
const IMPORT = '00000000-0000-4000-8000-00000000000b';

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

function slices(): Partial<Activities> {
  const next = counting(200, 7);
  return { importSlice: async () => ({ lines: await next() }) };
}

const importing = ['ImportMemory', importMemoryWorkflowId(TENANT, IMPORT)] as const;
const removing = ['RemoveTenant', removeTenantWorkflowId(TENANT)] as const;

export const STORAGE: Scenario[] = [
  oneRun('imported', [...importing, { tenantId: TENANT, importId: IMPORT }], slices()),
  oneRun('swept', ['SweepRetention', 'konstruct-sweep-retention']),
  oneRun('removed', [...removing, { tenantId: TENANT, settleMs: 500 }], { removeRuns: counting(3, 0, 1) }),
];
