import type { InSteps } from '../../src/lib/in-turns.ts';

/** What is done in steps, without a pause. */
export function atOnce<T>(steps: InSteps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Does work in its steps. Returns how much `counted` grew in each. */
export function countedInEach(steps: InSteps<unknown>, counted: () => number): number[] {
  const grown: number[] = [];
  for (let done: boolean | undefined = false; !done;) {
    const before = counted();
    ({ done } = steps.next());
    grown.push(counted() - before);
  }
  return grown;
}
