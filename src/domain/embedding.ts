/** Width of all-MiniLM-L6-v2's embeddings. */
export const EMBEDDING_WIDTH = 384;

/** An embedding that must not be stored or searched with. */
export class InvalidEmbeddingError extends Error {
  override readonly name = 'InvalidEmbedding';
}

/**
 * Throws `InvalidEmbeddingError` unless given 384 finite numbers, not all zero (a zero vector has no
 * direction).
 */
export function assertEmbedding(embedding: ArrayLike<number>): void {
  if (embedding.length !== EMBEDDING_WIDTH) {
    throw new InvalidEmbeddingError(
      `embedding must have ${EMBEDDING_WIDTH} numbers, got ${embedding.length}`,
    );
  }
  let seenNonZero = false;
  for (let i = 0; i < EMBEDDING_WIDTH; i += 1) {
    const value = embedding[i];
    if (!Number.isFinite(value)) {
      throw new InvalidEmbeddingError(`embedding must have finite numbers only, got ${value} at ${i}`);
    }
    seenNonZero ||= value !== 0;
  }
  if (!seenNonZero) throw new InvalidEmbeddingError('embedding must not be all zeros');
}

/** What float32 leaves of a length of 1. */
const ROUNDING = 1e-5;

/**
 * The embedding with a length of 1, as the model gives it and as all is stored: recall compares by inner
 * product, in which a longer vector would beat a nearer one. Throws `InvalidEmbeddingError`.
 */
export function toUnit(embedding: ArrayLike<number>): number[] {
  assertEmbedding(embedding);
  const numbers = Array.from(embedding);
  const length = Math.hypot(...numbers);
  return Math.abs(length - 1) <= ROUNDING ? numbers : numbers.map((value) => value / length);
}
