import { describe, expect, test } from '@jest/globals';
import { ADDS_NOTHING, NO_ANSWER, ONLY_ASKS } from '../../src/memory/text/questions.ts';
import {
  matchOf,
  scorePassages,
  type QueryFacts,
  type ScannedScope,
  type ScoredPassage,
} from '../../src/memory/ranking/score.ts';

const HOUR = 3_600_000;
/** Words of one piece each; the nth stands in bit n of the first mask. */
const wordsIn = (...masks: number[]) =>
  masks.map((mask, nth) => ({
    ...{ word: `word ${nth}`, weight: 1, optional: false, pieces: 1 },
    ...{ mask, shift: masks.slice(0, nth).filter((other) => other === mask).length },
  }));
const QUERY: QueryFacts = {
  words: wordsIn(0, 0),
  range: null,
  mostlyLatin: true,
  namesSpeaker: false,
  firstPerson: 0,
};

type Passage = Omit<ScoredPassage, 'lexical' | 'total' | 'place' | 'held'> & {
  masks: number[];
  userWeight?: number;
};

/** A passage with the terms of `mask`, `hours` after the first. */
const passage = (id: string, mask: number, cosine = 0, hours = 0, flags = 0): Passage => ({
  exchangeId: id,
  part: 0,
  at: hours * HOUR,
  flags,
  cosine,
  masks: [mask],
});
const toScanned = (passages: Passage[]): ScannedScope => ({
  exchangeIdOf: (row) => passages[row]?.exchangeId ?? '',
  parts: Int16Array.from(passages, ({ part }) => part),
  flags: Int16Array.from(passages, ({ flags }) => flags),
  userWeights: Float32Array.from(passages, ({ userWeight }) => userWeight ?? 0),
  ats: Float64Array.from(passages, ({ at }) => at),
  cosines: Float32Array.from(passages, ({ cosine }) => cosine),
  masks: (passages[0]?.masks ?? []).map((_mask, column) =>
    Int32Array.from(passages, ({ masks }) => masks[column] ?? 0),
  ),
});
/** All passages with their scores, in time order. */
const scored = (passages: Passage[], query: Partial<QueryFacts> = {}, cosineWeight = 0.45) => {
  const { totals, passageAt } = scorePassages(toScanned(passages), { ...QUERY, ...query }, cosineWeight);
  return [...totals.keys()].flatMap((place) => passageAt(place) ?? []);
};
const scores = (...[passages, query, cosineWeight]: Parameters<typeof scored>) =>
  new Map(scored(passages, query, cosineWeight).map((found) => [found.exchangeId, found]));

describe('the lexical score', () => {
  test('is 1 with all terms, 0 with none, and more with the rarer term than with the common one', () => {
    const common = Array.from({ length: 9 }, (_, i) => passage(`common ${i}`, 0b01, 0, 10 + i * 5));
    const found = scores([
      passage('all', 0b11),
      passage('rare', 0b10, 0, 3),
      passage('none', 0, 0, 6),
      ...common,
    ]);
    expect(found.get('all')?.lexical).toBeCloseTo(1);
    expect(found.get('none')?.lexical).toBe(0);
    expect(found.get('rare')?.lexical).toBeGreaterThan(found.get('common 3')?.lexical ?? 1);
  });

  test('counts a term that no passage has in the denominator', () => {
    const [known, unknown] = [scores([passage('x', 1)], { words: wordsIn(0) }), scores([passage('x', 1)])];
    expect(unknown.get('x')?.lexical).toBeLessThan(known.get('x')?.lexical ?? 0);
  });

  test('counts terms of the exchange before and after in part, and those of another session not at all', () => {
    const found = scores([
      passage('before', 0, 0, 0),
      passage('here', 0b11, 0, 0.1),
      passage('after', 0, 0, 0.2),
      passage('later', 0, 0, 9),
    ]);
    expect(found.get('after')?.lexical).toBeCloseTo(0.6);
    expect(found.get('before')?.lexical).toBeCloseTo(0.4);
    expect(found.get('later')?.lexical).toBe(0);
  });

  test('counts terms beyond the first mask', () => {
    const far = { ...passage('far', 0), masks: [0, 0b1] };
    expect(
      scores([far, passage('none', 0, 0, 5)], { words: wordsIn(0, 1) }).get('far')?.lexical,
    ).toBeGreaterThan(0);
  });

  test('counts the mentioned time like a term, and the week after it half', () => {
    const range = { from: 0, to: HOUR };
    const found = scores(
      [passage('then', 0, 0, 0.5), passage('soon after', 0, 0, 24), passage('long after', 0, 0, 1_000)],
      { range, words: [] },
    );
    expect([...found.values()].map(({ lexical }) => lexical)).toEqual([1, 0.5, 0]);
  });

  test('ignores a time without messages', () => {
    const found = scores([passage('x', 0b11)], { range: { from: -9_000 * HOUR, to: -8_000 * HOUR } });
    expect(found.get('x')?.lexical).toBeCloseTo(1);
  });
});

describe('the total', () => {
  test('weighs meaning against words by the setting', () => {
    const passages = [passage('meant', 0, 0.9), passage('worded', 0b11, 0, 5)];
    const by = (weight: number) => scores(passages, {}, weight);
    expect(by(1).get('meant')?.total).toBeCloseTo(0.9);
    expect(by(1).get('worded')?.total).toBeCloseTo(0);
    expect(by(0).get('meant')?.total).toBe(0);
    expect(by(0).get('worded')?.total).toBeCloseTo(1);
  });

  test('hardly counts meaning for scripts that the model does not know', () => {
    expect(scores([passage('x', 0, 0.9)], { mostlyLatin: false }).get('x')?.total).toBeLessThan(0.1);
  });

  test('no unanswered question makes its words common', () => {
    const told = passage('told', 0b01, 0.4);
    const asked = Array.from({ length: 5 }, (_, i) =>
      passage(`asked ${i}`, 0b11, 0.6, 10 + i * 5, ONLY_ASKS | NO_ANSWER),
    );
    const unrelated = asked.map((other) => ({ ...other, masks: [0] }));
    expect(scores([told, ...asked]).get('told')?.lexical).toBe(
      scores([told, ...unrelated]).get('told')?.lexical,
    );
  });

  test.each([
    ['a question of the same words', ONLY_ASKS, 2, true],
    ['a question with a short word more', ONLY_ASKS, 2.9, true],
    ['a question with a word more', ONLY_ASKS, 3, false],
    ['the same words without a question mark', 0, 2, true],
    ['a statement with a short word more', 0, 2.1, false],
    ['a message whose words are not known', ONLY_ASKS, 0, false],
  ])('%s adds nothing: %s', (_what, flags, userWeight, expected) => {
    const found = scores([{ ...passage('x', 0b11, 0, 0, flags), userWeight }]).get('x');
    expect(((found?.flags ?? 0) & ADDS_NOTHING) !== 0).toBe(expected);
  });

  test('is in time order, whatever the order of the rows', () => {
    const passages = [passage('c', 0, 0, 3), passage('a', 0, 0, 1), passage('b', 0, 0, 2)];
    expect([...scores(passages).keys()]).toEqual(['a', 'b', 'c']);
  });
});

describe('the match', () => {
  const best = scored([passage('x', 0b01, 0.4)]);

  test('of nothing is 0', () => expect(matchOf([], QUERY)).toBe(0));

  test('is higher for a question that names the user, and for one in the first person', () => {
    const plain = matchOf(best, QUERY);
    const named = matchOf(best, { ...QUERY, namesSpeaker: true });
    const mine = matchOf(best, { ...QUERY, firstPerson: 1 });
    expect(plain).toBeCloseTo(0.6 * 0.4 + 0.4 * (best[0]?.lexical ?? 0));
    expect(named).toBeGreaterThan(plain);
    expect(mine).toBeGreaterThan(named);
  });

  test('reaches any threshold but the highest with all words of a question', () => {
    expect(matchOf(scored([passage('x', 0b11)]), QUERY)).toBeCloseTo(0.7);
  });

  test('counts words alone for scripts that the model does not know', () => {
    const similar = scored([passage('x', 0, 0.9)]);
    expect(matchOf(similar, { ...QUERY, mostlyLatin: false })).toBe(0);
  });
});
