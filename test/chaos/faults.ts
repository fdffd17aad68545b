/** Kills, pauses and keeps away the processes that a plan names. */
import { setTimeout as delay } from 'node:timers/promises';
import { killQuietly } from '../../local/stack/kill.ts';
import type { Stack } from '../../local/stack/types.ts';
import type { Fault } from './plan.ts';

/** Applies the planned faults to the running processes. Resolves when the last one is over. */
export async function inflict(
  faults: readonly Fault[],
  options: { stack: Stack; startedAt: number; log: (line: string) => void },
): Promise<void> {
  const { stack, startedAt, log } = options;
  await Promise.all(
    faults.map(async (fault) => {
      await delay(startedAt + fault.atMs - Date.now());
      log(`${seconds(fault.atMs)} ${describe(fault)}`);
      await inflictOne(stack, fault);
    }),
  );
}

async function inflictOne(stack: Stack, { victim, kind, forMs }: Fault): Promise<void> {
  const handle = stack.process(victim);
  // Undefined while the process is being restarted after an earlier fault.
  const { pid } = handle;
  switch (kind) {
    case 'kill':
      handle.signal('SIGKILL');
      return;
    case 'pause':
      if (pid === undefined) return;
      // The whole process group: Postgres serves connections from child processes.
      killQuietly(-pid, 'SIGSTOP');
      await delay(forMs);
      killQuietly(-pid, 'SIGCONT');
      return;
    case 'away':
      await handle.hold();
      await delay(forMs);
      await handle.release();
  }
}

function describe({ victim, kind, forMs }: Fault): string {
  return kind === 'kill' ? `kill ${victim}` : `${kind} ${victim} for ${(forMs / 1000).toFixed(1)} s`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1).padStart(6)} s`;
