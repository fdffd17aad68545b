import { isLoose, MAX_ENTRIES } from './loose.ts';

/** Longer than what Slack, or an app, calls anything. */
const MAX_NAME_LENGTH = 100;
/** Deeper than messages nest, forwards and the blocks in them included. */
const MAX_DEPTH = 40;

/** What may still be read, in UTF-16 units and values; and the most that is read of one text. */
type Budget = { left: number; readonly longest: number };

/**
 * A copy of JSON that others made, as much of it as a budget allows: what reads the copy does bounded work.
 * Of an object come its texts before its lists and objects, so that a long list doesn't push out a name; one
 * with a long name is left out. Pure but for the budget, from which it takes what it copies.
 */
export function bounded(value: unknown, budget: Budget, depth = 0): unknown {
  if (budget.left <= 0 || depth > MAX_DEPTH) return undefined;
  budget.left -= 1;
  if (typeof value === 'string') {
    const text = value.slice(0, Math.min(budget.longest, budget.left));
    budget.left -= text.length;
    return text;
  }
  if (Array.isArray(value)) {
    return value.slice(0, MAX_ENTRIES).map((item: unknown) => bounded(item, budget, depth + 1));
  }
  if (!isLoose(value)) return value;
  const entries = Object.entries(value)
    .slice(0, MAX_ENTRIES)
    .filter(([name]) => name.length <= MAX_NAME_LENGTH);
  const isNested = ([, held]: [string, unknown]) => typeof held === 'object';
  return Object.fromEntries(
    [...entries.filter((entry) => !isNested(entry)), ...entries.filter(isNested)].map(([name, held]) => {
      budget.left -= name.length;
      return [name, bounded(held, budget, depth + 1)];
    }),
  );
}
