/** Written by `npm run fit:recall`: do not edit. docs/MEMORY.md says what the features mean. */

/** Log-odds that a passage answers the question, for one unit of a feature. */
export const RANKING = { meaning: 0.86, before: 0.34, words: 11.28, speaker: 2.81 } as const;
