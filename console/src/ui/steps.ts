/** The steps of a turn in their order, in words. */
const STEPS: Readonly<Record<string, string>> = {
  waited: 'Waiting for the turn before',
  window: 'Reading the window',
  embed: 'Embedding',
  recall: 'Recall',
  firstToken: 'Until the model’s first word',
  llm: 'The model’s whole answer',
  delivery: 'Delivery',
  append: 'Appending to the window',
  total: 'Altogether',
};

/** A step in words, or by its own name where it has none here. */
export const stepName = (step: string): string => STEPS[step] ?? step;

const ORDER = Object.keys(STEPS);

/** Steps in their order; those without a name here come first. */
export const inOrder = <T extends { step: string }>(steps: readonly T[]): T[] =>
  steps.toSorted((one, other) => ORDER.indexOf(one.step) - ORDER.indexOf(other.step));
