/** A count that came through Temporal, which is no proof of anything: 0 for what can be none. */
export const soundCount = (given: unknown): number =>
  typeof given === 'number' && Number.isSafeInteger(given) && given >= 0 ? given : 0;
