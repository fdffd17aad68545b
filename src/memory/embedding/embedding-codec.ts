import { EMBEDDING_WIDTH, InvalidEmbeddingError } from '../../domain/embedding.ts';

/** An embedding as base64 of little-endian float32: 2 KB in a workflow history, a quarter of JSON numbers. */
export function encodeEmbedding(embedding: Float32Array): string {
  return Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength).toString('base64');
}

/** The inverse of `encodeEmbedding`. Throws `InvalidEmbeddingError` on any other length. */
export function decodeEmbedding(encoded: string): Float32Array {
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length !== EMBEDDING_WIDTH * 4) {
    throw new InvalidEmbeddingError(
      `encoded embedding must be ${EMBEDDING_WIDTH * 4} bytes, got ${bytes.length}`,
    );
  }
  return Float32Array.from({ length: EMBEDDING_WIDTH }, (_, i) => bytes.readFloatLE(i * 4));
}
