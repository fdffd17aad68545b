import { describe, expect, test } from '@jest/globals';
import { EMBEDDING_WIDTH, InvalidEmbeddingError, toUnit } from '../../src/domain/embedding.ts';

describe('a normalised embedding', () => {
  const long = Array.from({ length: EMBEDDING_WIDTH }, (_, i) => (i % 7) - 3);

  test.each([
    ['long', 1e30],
    ['short', 1e-30],
    ['negative', -5],
  ])('keeps its direction: %s', (_name, factor) => {
    const unit = toUnit(long.map((value) => value * factor));
    expect(Math.hypot(...unit)).toBeCloseTo(1, 10);
    expect((unit[0] ?? 0) / (unit[1] ?? 1)).toBeCloseTo(1.5, 10);
  });

  test('is unchanged to the last digit when its length is 1 within float32 precision', () => {
    const stored = [...Float32Array.from(toUnit(long))];
    expect(toUnit(stored)).toEqual(stored);
  });

  test('must be valid for storage', () => {
    for (const bad of [[1], Array.from({ length: EMBEDDING_WIDTH }, () => 0), [NaN, ...long.slice(1)]])
      expect(() => toUnit(bad)).toThrow(InvalidEmbeddingError);
  });
});
