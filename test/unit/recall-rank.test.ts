import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ADDS_NOTHING, ONLY_ASKS } from '../../src/memory/text/questions.ts';
import { limitQuestions, rank as rankInSteps } from '../../src/memory/ranking/rank.ts';
import type { ScoredPassage, ScoredScope } from '../../src/memory/ranking/score.ts';
import { atOnce, countedInEach } from '../support/steps.ts';

type Row = { id: string; total: number; flags?: number; at?: number };

const none = new Float64Array();
const NO_FEATURES = { meaning: none, before: none, words: none, speaker: none };
const scopeOf = (rows: Row[]): ScoredScope => ({
  features: NO_FEATURES,
  totals: Float64Array.from(rows, ({ total }) => total),
  flags: Int16Array.from(rows, ({ flags }) => flags ?? 0),
  ats: Float64Array.from(rows, ({ at }, place) => at ?? place),
  exchangeIdAt: (place) => rows[place]?.id,
  heldAt: () => [],
  passageAt: (place) => {
    const row = rows[place];
    return (
      row && {
        ...{ exchangeId: row.id, part: 0, at: row.at ?? place, flags: row.flags ?? 0, place },
        ...{ cosine: row.total, lexical: row.total, total: row.total, score: row.total },
      }
    );
  },
});
const rank = (...from: Parameters<typeof rankInSteps>) => atOnce(rankInSteps(...from));
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

/** What ranking gives, by sorting all passages anew for each number of them. */
function plainlyRanked(rows: Row[], excluded: string[], ranked: number): number[] {
  const kindOf = ({ flags = 0 }: Row) => (flags & ADDS_NOTHING ? 2 : flags & ONLY_ASKS ? 1 : 0);
  const sorted = rows
    .map((row, place) => ({ ...row, place, at: row.at ?? place, kind: kindOf(row) }))
    .sort((a, b) => b.total - a.total || b.at - a.at || a.kind - b.kind || b.place - a.place);
  const wanted = ranked + excluded.length;
  const best = [0, 1, 2].flatMap((kind) => sorted.filter((row) => row.kind === kind).slice(0, wanted));
  const left = sorted.filter((row) => best.includes(row) && !excluded.includes(row.id));
  const firsts = left.filter((row, i) => left.findIndex(({ id }) => id === row.id) === i);
  const statements = firsts.filter(({ kind }) => kind === 0).length;
  const more = best.filter(({ kind }) => kind === 0).length === wanted;
  if (statements < Math.min(ranked, 60) && more) return plainlyRanked(rows, excluded, 4 * ranked);
  return firsts.map(({ place }) => place);
}

test('of any scope it gives what sorting gives', () => {
  const FLAGS = [0, ONLY_ASKS, ADDS_NOTHING, ONLY_ASKS | ADDS_NOTHING];
  const passages = fc.array(fc.record({ total: fc.nat(4), flags: fc.constantFrom(...FLAGS) }), {
    ...{ minLength: 1, maxLength: 12 },
  });
  const exchange = fc.record({ passages, ofNextMoment: fc.boolean() });
  const scopes = fc.record({
    exchanges: fc.array(exchange, { maxLength: 40, size: 'max' }),
    excluded: fc.uniqueArray(fc.nat(40), { maxLength: 4 }),
    ranked: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(scopes, ({ exchanges, excluded, ranked }) => {
      let at = 0;
      const rows = exchanges.flatMap((one, nth) => {
        at += one.ofNextMoment ? 1 : 0;
        return one.passages.map((passage) => ({ ...passage, id: `x${nth}`, at }));
      });
      const exclude = excluded.map((nth) => `x${nth}`);
      const found = rank(scopeOf(rows), exclude, ranked);
      expect(found.map(({ place }) => place)).toEqual(plainlyRanked(rows, exclude, ranked));
    }),
    { numRuns: 300 },
  );
});

test('goes on when all statements are ranked but there may be more of them', () => {
  const told = Array.from({ length: 3 }, (_, i) => ({ id: 'told', total: i }));
  const asked = Array.from({ length: 10 }, (_, i) => ({ id: `q${i}`, total: i / 10, flags: ONLY_ASKS }));
  const rows = [...told, ...asked];
  const found = rank(scopeOf(rows), [], 3).map(({ place }) => place);
  expect(found).toEqual(plainlyRanked(rows, [], 3));
  expect(found).toHaveLength(11);
});

describe('of 50,000 passages of 520 exchanges', () => {
  const [COUNT, EACH] = [50_000, 96];
  // The best are all of a few exchanges, so most are ranked before enough exchanges are found.
  const rows = Array.from({ length: COUNT }, (_, i) => {
    const nth = Math.floor(i / EACH);
    return {
      id: `x${nth}`,
      total: nth + (i % EACH) / EACH,
      at: nth,
      flags: [0, ONLY_ASKS, ADDS_NOTHING][nth % 3] ?? 0,
    };
  });
  const scope = scopeOf(rows);

  test('no step looks at more than some thousand', () => {
    let looked = 0;
    const look =
      <T>(at: (place: number) => T) =>
      (place: number) => ((looked += 1), at(place));
    const counted = { ...scope, exchangeIdAt: look(scope.exchangeIdAt), passageAt: look(scope.passageAt) };
    expect(Math.max(...countedInEach(rankInSteps(counted, []), () => looked))).toBeLessThanOrEqual(3_000);
    expect(looked).toBeLessThan(COUNT / 2);
  });

  test('no step compares more than it takes to go through all of them a few times', () => {
    let reads = 0;
    const totals = new Proxy(scope.totals, {
      get: (target, key) => ((reads += 1), Reflect.get(target, key) as unknown),
    });
    expect(Math.max(...countedInEach(rankInSteps({ ...scope, totals }, []), () => reads))).toBeLessThan(
      4 * COUNT,
    );
  });

  test('each is looked at once, and only of what is given a passage is made', () => {
    const asked = new Set<number>();
    let [looked, made] = [0, 0];
    const counted = {
      ...scope,
      exchangeIdAt: (place: number) => ((looked += 1), asked.add(place), scope.exchangeIdAt(place)),
      passageAt: (place: number): ScoredPassage | undefined => ((made += 1), scope.passageAt(place)),
    };
    const found = rank(counted, []);
    expect(looked).toBe(asked.size);
    expect(made).toBe(found.length);
    expect(found.length).toBeGreaterThanOrEqual(60);
  });
});
