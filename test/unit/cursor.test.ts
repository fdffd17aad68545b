import { expect, test } from '@jest/globals';
import { decodeCursor, encodeCursor } from '../../src/api/cursor.ts';

const id = '00000000-0000-4000-8000-00000000000a';

test('a cursor comes back as it was given', () => {
  const place = { createdAt: '2026-02-28T23:59:59.123456Z', id };
  expect(decodeCursor(encodeCursor(place))).toEqual(place);
});

test.each([
  '2026-02-30T00:00:00.000000Z',
  '2026-02-31T00:00:00.000000Z',
  '2025-02-29T00:00:00.000000Z',
  '2026-13-01T00:00:00.000000Z',
  '0000-01-01T00:00:00.000000Z',
  '2026-01-01T25:00:00.000000Z',
  '2026-01-01T24:00:00.000000Z',
  '2026-01-01',
  'infinity',
])('a time that Postgres would refuse is refused: %s', (createdAt) => {
  expect(() => decodeCursor(encodeCursor({ createdAt, id }))).toThrow('cursor must be the nextCursor');
});
