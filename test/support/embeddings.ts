/** Embeddings whose likeness a test decides, and an embedder without a model. */
import { createHash } from 'node:crypto';
import { EMBEDDING_WIDTH } from '../../src/domain/embedding.ts';
import type { Embedder } from '../../src/memory/embedding/embedder.ts';

/** Somebody in whose name a test embeds. */
export const SOMEBODY = { tenantId: 'tenant', userId: 'user' };

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

/**
 * For tests that aren't about recall: every text has an axis of its own, so only equal texts are alike. The
 * real model takes a second to load.
 */
export function hashEmbedder(): Embedder {
  const embed = async (text: string): Promise<Float32Array> => {
    const place = createHash('sha256').update(text).digest().readUInt16BE(0) % EMBEDDING_WIDTH;
    return Float32Array.from(axis(place));
  };
  return {
    embed,
    embedParts: async (parts) => ({
      whole: await embed(parts.join('')),
      parts: await Promise.all(parts.map(embed)),
    }),
    close: async () => undefined,
  };
}
