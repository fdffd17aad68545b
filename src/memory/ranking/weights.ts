/** Written by `npm run fit:recall`: do not edit. docs/MEMORY.md says what the features mean. */

/** Log-odds that a passage answers the question, for one unit of a feature. */
export const RANKING = { meaning: 0.9, before: 0.26, words: 11.77, speaker: 1.75 } as const;
