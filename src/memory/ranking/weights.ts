/** Written by `npm run fit:recall`: do not edit. docs/MEMORY.md says what the features mean. */

/** Log-odds that a passage answers the question, for one unit of a feature. */
export const RANKING = { meaning: 0.85, before: 0.21, words: 10.69 } as const;

/** Log-odds that a memory has an answer at all, for one unit of a feature of its best passages. */
export const GATE = { bias: -2.01, cosine: 2.97, both: 6.53, share: 0.4 } as const;
