/** How work that may take hours is cut: a workflow does it slice by slice, and others have their turns. */

/** Slices of one run; the next run goes on where it ended, so that no history grows with the work. */
export const SLICES_OF_A_RUN = 20;
/** Its place is free for so long after each slice: an attempt that was put off comes back within a second. */
export const REST = '2s';
export const REST_SUMMARY = 'others have their turn';
