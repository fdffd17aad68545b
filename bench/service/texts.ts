/** What is said in a benchmark. Every text has its message's marker, `[m42]`. */

/** `short`: a sentence each. `real`: a person's 5 to 60 words, and a model's 30 to 600. */
export type Lengths = 'short' | 'real';

export type Texts = {
  /** A person's message, different for every number. */
  said(number: number): string;
  /** What the model answers. */
  answerTo(text: string): string;
};

/** How every answer begins. */
export const ANSWER_PREFIX = 'Noted: ';

const SHORT: Texts = {
  said: (number) =>
    `[m${number}] My appointment with the vet is on day ${number % 1_000}, please keep it in mind.`,
  answerTo: (text) => ANSWER_PREFIX + text,
};

const REAL: Texts = {
  said: (number) => `[m${number}] ${wordsOf(number, between(5, 60, number * 0.618_034))}`,
  answerTo(text) {
    const number = Number(/\d+/.exec(lastMarker(text) ?? '')?.[0] ?? 0);
    return `${ANSWER_PREFIX}[m${number}] ${wordsOf(7 * number + 3, between(30, 600, number * 0.754_878))}`;
  },
};

export const textsOf = (lengths: Lengths): Texts => (lengths === 'real' ? REAL : SHORT);

export function lastMarker(text: string): string | undefined {
  return text.match(/\[m\d+\]/g)?.at(-1);
}

/** As many short ones as long ones, by orders of magnitude: the fraction of `at` says where. */
function between(least: number, most: number, at: number): number {
  return Math.round(least * (most / least) ** (at % 1));
}

const VOCABULARY = (
  'we moved the meeting with our supplier to next week because the contract about the new warehouse is not ' +
  'signed yet my daughter starts school in September and I still need a place for her after lunch could you ' +
  'remind me of the invoice from March that nobody has paid I prefer short answers with a list of steps first ' +
  'check the numbers then send the report to the team'
).split(' ');
const SENTENCE_WORDS = 12;

/** So many words in sentences, others for every seed. */
function wordsOf(seed: number, count: number): string {
  const words = Array.from({ length: count }, (_, i) => {
    const word = VOCABULARY[(seed * 31 + i * i + 7 * i) % VOCABULARY.length] ?? '';
    return i % SENTENCE_WORDS === SENTENCE_WORDS - 1 ? `${word} ${seed + i}.` : word;
  });
  return words.join(' ');
}
