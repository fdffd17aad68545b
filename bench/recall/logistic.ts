/** Fits of a few weights by gradient ascent with a step that adapts: plain, and exact enough. */

/** A weighted example's gain and its gradient at some weights. */
export type Objective = (weights: readonly number[]) => { value: number; gradient: number[] };

/**
 * A pull towards 0: what the sets agree on stays, and what one set alone says does not grow without bound.
 */
const RIDGE = 0.003;
const ROUNDS = 120;

/** Maximises a smooth objective of few weights. */
export function maximise(objective: Objective, from: readonly number[]): number[] {
  const withRidge: Objective = (weights) => {
    const { value, gradient } = objective(weights);
    return {
      value: value - RIDGE * weights.reduce((sum, w) => sum + w * w, 0),
      gradient: gradient.map((g, i) => g - 2 * RIDGE * (weights[i] ?? 0)),
    };
  };
  let weights = [...from];
  let at = withRidge(weights);
  // Each weight has a step of its own (Rprop): features differ in scale.
  let last = weights.map(() => 0);
  const steps = weights.map(() => 0.1);
  for (let round = 0; round < ROUNDS && Math.max(...steps) > 2e-3; round += 1) {
    const direction = at.gradient.map(Math.sign);
    direction.forEach((sign, i) => {
      steps[i] = (steps[i] ?? 0) * (sign === last[i] ? 1.2 : 0.5);
    });
    last = direction;
    weights = weights.map((w, i) => w + (direction[i] ?? 0) * (steps[i] ?? 0));
    at = withRidge(weights);
  }
  return weights;
}

/** Columns of features, one value for each passage, and which passages answer. */
export type Choice = { columns: readonly Float64Array[]; answers: readonly number[]; weight: number };

/**
 * How likely the model finds the passages that answer, among all of their scope (a conditional logit). The
 * logarithm's mean over the choices, by their weights.
 */
export function choosing(choices: readonly Choice[]): Objective {
  const total = choices.reduce((sum, { weight }) => sum + weight, 0);
  return (weights) => {
    let value = 0;
    const gradient = weights.map(() => 0);
    for (const { columns, answers, weight: own } of choices) {
      const weight = own / total;
      const count = columns[0]?.length ?? 0;
      const totals = new Float64Array(count);
      columns.forEach((column, i) => {
        const w = weights[i] ?? 0;
        for (let place = 0; place < count; place += 1)
          totals[place] = (totals[place] ?? 0) + w * (column[place] ?? 0);
      });
      const highest = totals.reduce((most, total) => Math.max(most, total), Number.NEGATIVE_INFINITY);
      const odds = totals.map((total) => Math.exp(total - highest));
      const all = odds.reduce((sum, odd) => sum + odd, 0);
      const right = answers.reduce((sum, place) => sum + (odds[place] ?? 0), 0);
      value += weight * Math.log(right / all);
      columns.forEach((column, i) => {
        let expected = 0;
        for (let place = 0; place < count; place += 1) expected += (column[place] ?? 0) * (odds[place] ?? 0);
        expected /= all;
        const found =
          answers.reduce((sum, place) => sum + (column[place] ?? 0) * (odds[place] ?? 0), 0) / right;
        gradient[i] = (gradient[i] ?? 0) + weight * (found - expected);
      });
    }
    return { value, gradient };
  };
}
