/** How work that may take hours is cut: a workflow does it slice by slice, and others have their turns. */
import { sleep } from '@temporalio/workflow';

/** Slices of one run; the next run goes on where it ended, so that no history grows with the work. */
export const SLICES_OF_A_RUN = 20;

/**
 * Leaves the place of a slice free for a while: an attempt of others that was put off comes back within a
 * second.
 */
export const rest = (): Promise<void> => sleep('2s', { summary: 'others have their turn' });
