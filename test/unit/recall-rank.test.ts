import { describe, expect, test } from '@jest/globals';
import { ADDS_NOTHING, ONLY_ASKS } from '../../src/memory/text/questions.ts';
import { rank, limitQuestions } from '../../src/memory/ranking/rank.ts';
import type { ScoredScope } from '../../src/memory/ranking/score.ts';

type Row = { id: string; total: number; flags?: number };

const none = new Float64Array();
const NO_FEATURES = { meaning: none, before: none, words: none, speaker: none };
const scopeOf = (rows: Row[]): ScoredScope => ({
  features: NO_FEATURES,
  totals: Float64Array.from(rows, ({ total }) => total),
  flags: Int16Array.from(rows, ({ flags }) => flags ?? 0),
  passageAt: (place) => {
    const row = rows[place];
    return (
      row && {
        ...{ exchangeId: row.id, part: 0, at: place, flags: row.flags ?? 0, place },
        ...{ cosine: row.total, lexical: row.total, total: row.total, score: row.total, held: [] },
      }
    );
  },
});
const ids = (passages: ReadonlyArray<{ exchangeId: string }>) => passages.map(({ exchangeId }) => exchangeId);

describe('ranking', () => {
  test('is by total, the newer first of equals, each exchange once', () => {
    const rows = [
      { id: 'b', total: 0.5 },
      { id: 'a', total: 0.4 },
      { id: 'a', total: 0.7 },
      { id: 'c', total: 0.5 },
    ];
    expect(ids(rank(scopeOf(rows), []))).toEqual(['a', 'c', 'b']);
  });

  test('ranks only as many as needed, not counting the exchanges in the window', () => {
    const rows = Array.from({ length: 100 }, (_, i) => ({ id: `x${i}`, total: (100 - i) / 100 }));
    expect(ids(rank(scopeOf(rows), [], 3))).toEqual(['x0', 'x1', 'x2']);
    expect(ids(rank(scopeOf(rows), ['x-0', 'x1'], 3))).toEqual(['x2', 'x3', 'x4']);
    expect(rank(scopeOf(rows), [], 1_000)).toHaveLength(100);
  });

  test('does not give all places to a few long exchanges', () => {
    const long = Array.from({ length: 400 }, (_, i) => ({ id: `long${i % 10}`, total: 0.6 }));
    const others = Array.from({ length: 100 }, (_, i) => ({ id: `other${i}`, total: 0.5 }));
    const window = Array.from({ length: 10 }, (_, i) => `long${i}`);
    expect(rank(scopeOf([...long, ...others]), window).length).toBeGreaterThanOrEqual(60);
  });

  test('gives enough exchanges for an agent with topK 20, even when messages are long', () => {
    const asked = Array.from({ length: 200 }, (_, i) => ({ id: `q${i}`, total: 0.9, flags: ONLY_ASKS }));
    const long = Array.from({ length: 2_000 }, (_, i) => ({
      id: `long${i % 100}`,
      total: 0.6 - (i % 100) / 1_000,
    }));
    const ranked = rank(scopeOf([...asked, ...long]), []);
    expect(ids(ranked).filter((id) => id.startsWith('long')).length).toBeGreaterThanOrEqual(60);
    expect(limitQuestions(ranked, 20)).toHaveLength(60);
  });

  test('keeps statements when one question was asked more often than passages are ranked', () => {
    const asked = Array.from({ length: 2_000 }, (_, i) => ({ id: `q${i}`, total: 0.9, flags: ONLY_ASKS }));
    const ranked = rank(scopeOf([{ id: 'told', total: 0.3 }, ...asked]), []);
    expect(ids(ranked)).toContain('told');
    const candidates = ids(limitQuestions(ranked, 3));
    expect(candidates).toHaveLength(4);
    expect(candidates.at(-1)).toBe('told');
  });

  test('keeps a question that tells something when another was asked more often than passages are ranked', () => {
    const flags = ONLY_ASKS | ADDS_NOTHING;
    const asked = Array.from({ length: 2_000 }, (_, i) => ({ id: `q${i}`, total: 0.9, flags }));
    const ranked = rank(scopeOf([{ id: 'tells', total: 0.3, flags: ONLY_ASKS }, ...asked]), []);
    expect(ids(limitQuestions(ranked, 3))).toEqual([...ids(ranked).slice(0, 3), 'tells']);
  });
});

test('however many are equal, no more passages are looked at than are ranked', () => {
  const rows = Array.from({ length: 50_000 }, (_, i) => ({
    ...{ id: `x${i}`, total: i === 7 ? 0.9 : 0.5, flags: i % 3 === 0 ? ONLY_ASKS : 0 },
  }));
  const scope = scopeOf(rows);
  let looked = 0;
  const counted = { ...scope, passageAt: (place: number) => ((looked += 1), scope.passageAt(place)) };
  const ranked = ids(rank(counted, []));
  expect(ranked.slice(0, 3)).toEqual(['x7', 'x49999', 'x49998']);
  expect(looked).toBeLessThan(500);
});

test('the best are those that sorting gives', () => {
  const rows = Array.from({ length: 3_000 }, (_, i) => ({
    ...{ id: `x${i}`, total: ((i * 7_919) % 101) / 101, flags: [0, ONLY_ASKS, ADDS_NOTHING][i % 3] ?? 0 },
  }));
  const sorted = rows
    .map((row, at) => ({ ...row, at }))
    .sort((a, b) => b.total - a.total || b.at - a.at)
    .map(({ id }) => id);
  expect(ids(rank(scopeOf(rows), [], 1_000))).toEqual(sorted);
  for (const flag of [0, ONLY_ASKS]) {
    const kind = rows.filter(({ flags }) => flags === flag).map(({ id }) => id);
    const found = ids(rank(scopeOf(rows), [], 70)).filter((id) => kind.includes(id));
    expect(found).toEqual(sorted.filter((id) => kind.includes(id)).slice(0, 70));
  }
});
