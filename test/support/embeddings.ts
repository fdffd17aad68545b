import { EMBEDDING_WIDTH } from '../../src/domain/embedding.ts';

/** A unit vector along one axis; two of different axes are unlike each other (similarity 0). */
export function axis(i: number): number[] {
  return Array.from({ length: EMBEDDING_WIDTH }, (_, j) => (j === i ? 1 : 0));
}

/** A unit vector whose similarity to `axis(0)` is `similarity`, the rest along `axis(other)`. */
export function similarTo0(similarity: number, other = 1): number[] {
  const vector = axis(0);
  vector[0] = similarity;
  vector[other] = Math.sqrt(1 - similarity ** 2);
  return vector;
}
