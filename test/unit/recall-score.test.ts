import { describe, expect, test } from '@jest/globals';
import {
  ADDS_NOTHING,
  NO_ANSWER,
  ONLY_ASKS,
  WITHOUT_AGENT,
  WITHOUT_USER,
} from '../../src/memory/text/questions.ts';
import {
  matchOf,
  scorePassages,
  type QueryFacts,
  type ScannedScope,
  type ScoredPassage,
} from '../../src/memory/ranking/score.ts';
import { atOnce, countedInEach } from '../support/steps.ts';

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
  readable: 1,
  named: new Set(),
};

type Passage = Omit<ScoredPassage, 'lexical' | 'total' | 'score' | 'place'> & {
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
const scored = (passages: Passage[], query: Partial<QueryFacts> = {}, cosineWeight = 0.5) => {
  const { totals, passageAt } = atOnce(
    scorePassages(toScanned(passages), { ...QUERY, ...query }, cosineWeight),
  );
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
    expect(found.get('after')?.lexical).toBeCloseTo(0.5);
    expect(found.get('before')?.lexical).toBeCloseTo(0.5);
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
    const passages = [passage('meant', 0, 0.9), passage('worded', 0b11, 0, 5), passage('neither', 0, 0, 9)];
    const by = (weight: number) => scores(passages, {}, weight);
    const total = (weight: number, id: string) => by(weight).get(id)?.total ?? Number.NaN;
    expect(total(1, 'worded')).toBe(total(1, 'neither'));
    expect(total(1, 'meant')).toBeGreaterThan(total(1, 'worded'));
    expect(total(0, 'meant')).toBe(total(0, 'neither'));
    expect(total(0, 'worded')).toBeGreaterThan(total(0, 'meant'));
    expect(total(0.5, 'meant')).toBeCloseTo((total(0, 'meant') + total(1, 'meant')) / 2);
  });

  test('counts meaning as far as the model can read the question', () => {
    const passages = [passage('meant', 0, 0.9), passage('other', 0, 0, 5)];
    const ahead = (readable: number) => {
      const found = scores(passages, { readable });
      return (found.get('meant')?.total ?? 0) - (found.get('other')?.total ?? 0);
    };
    expect(ahead(0)).toBe(0);
    expect(ahead(0.5)).toBeCloseTo(ahead(1) / 2);
    expect(ahead(1)).toBeGreaterThan(1);
  });

  test('counts the meaning of the exchange before in part, and of another session not at all', () => {
    const found = scores([passage('alike', 0, 0.9), passage('after', 0, 0, 0.1), passage('later', 0, 0, 9)]);
    expect(found.get('after')?.total).toBeGreaterThan(found.get('later')?.total ?? 0);
  });

  test('becomes a share: how likely each passage is the one', () => {
    const found = [...scores([passage('a', 0b11), passage('b', 0b01, 0, 5), passage('c', 0, 0, 9)]).values()];
    expect(found.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1);
    expect(found[0]?.score).toBeGreaterThan(0.5);
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

  test('a question that says much beside this one is no mere question', () => {
    const asks = (userWeight: number) => {
      const found = scores([{ ...passage('x', 0b11, 0, 0, ONLY_ASKS), userWeight }]).get('x');
      return ((found?.flags ?? 0) & ONLY_ASKS) !== 0;
    };
    expect([asks(0), asks(9.9), asks(10)]).toEqual([true, true, false]);
  });

  test.each([
    ['nobody', [], true, false],
    ['the user', ['user'], true, false],
    ['the agent', ['agent'], false, true],
    ['both', ['user', 'agent'], true, true],
  ] as const)('a question that names %s prefers what they said', (_who, named, user, agent) => {
    const found = scores(
      [passage('both', 0), passage('user', 0, 0, 5, WITHOUT_AGENT), passage('agent', 0, 0, 9, WITHOUT_USER)],
      { named: new Set(named) },
    );
    const most = found.get('both')?.total ?? Number.NaN;
    expect((found.get('user')?.total ?? Number.NaN) === most).toBe(user);
    expect((found.get('agent')?.total ?? Number.NaN) === most).toBe(agent);
    expect(Math.max(...[...found.values()].map(({ total }) => total))).toBe(most);
  });

  test('is in time order, whatever the order of the rows', () => {
    const passages = [passage('c', 0, 0, 3), passage('a', 0, 0, 1), passage('b', 0, 0, 2)];
    expect([...scores(passages).keys()]).toEqual(['a', 'b', 'c']);
  });

  test('is by exchange and part among those of one moment', () => {
    const part = (id: string, nth: number, hours: number) => ({ ...passage(id, 0, 0, hours), part: nth });
    const passages = [part('z', 0, 0), part('b', 1, 5), part('a', 1, 5), part('b', 0, 5), part('a', 0, 5)];
    expect(scored(passages).map(({ exchangeId, part: nth }) => `${exchangeId}${nth}`)).toEqual([
      ...['z0', 'a0', 'a1', 'b0', 'b1'],
    ]);
  });

  test('comes with what each place is, and how well it holds each word', () => {
    const passages = [passage('later', 0b10, 0, 9), passage('first', 0b01)];
    const { exchangeIdAt, heldAt } = atOnce(scorePassages(toScanned(passages), QUERY, 0.5));
    expect([-1, 0, 1, 2].map(exchangeIdAt)).toEqual([undefined, 'first', 'later', undefined]);
    expect([0, 1].map(heldAt)).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });
});

describe('the match', () => {
  const OF_MANY = 400;
  const of = (passages: Passage[], query: Partial<QueryFacts> = {}, compared = OF_MANY) =>
    matchOf(scored(passages, query), { ...QUERY, ...query }, compared);

  test('of nothing is 0', () => expect(matchOf([], QUERY, 0)).toBe(0));

  test('grows with meaning, and most with words as well', () => {
    const [neither, meant, both] = [
      of([passage('x', 0)]),
      of([passage('x', 0, 0.5)]),
      of([passage('x', 0b01, 0.5)]),
    ];
    expect(meant).toBeGreaterThan(neither);
    expect(both).toBeGreaterThan(meant);
    expect(both).toBeLessThan(1);
  });

  test('is the cosine with all words, and a third of it with none', () => {
    expect(of([passage('x', 0b11, 0.6)])).toBeCloseTo(0.6);
    expect(of([passage('x', 0, 0.6)])).toBeCloseTo(0.2);
    expect(of([passage('x', 0b11, -0.5)])).toBe(0);
  });

  test('is more among few passages, where the best is less by chance, and never more than 1', () => {
    const found = [passage('x', 0b11, 0.3)];
    expect(of(found, {}, 30)).toBeCloseTo((0.3 * Math.log(400)) / Math.log(30));
    expect(of(found, {}, 2)).toBe(of(found, {}, 30));
    expect(of(found, {}, 160_000)).toBeCloseTo(0.15);
    expect(of([passage('x', 0b11, 0.9)], {}, 2)).toBe(1);
  });

  test('is that of one passage: meaning here and words there are no answer', () => {
    const apart = of([passage('meant', 0, 0.5), passage('worded', 0b11, 0.1, 5)]);
    expect(apart).toBeLessThan(of([passage('both', 0b11, 0.5)]) / 2);
  });

  test('counts words alone where the model can read nothing', () => {
    const [alike, other] = [passage('x', 0, 0.9), passage('x', 0)];
    expect(of([alike], { readable: 0 })).toBe(of([other], { readable: 0 }));
  });
});

test.each([
  ['few passages', 1_000, false],
  ['many', 20_000, true],
])('of %s and many words others have their turns between: %s', (_, count, hasTurns) => {
  const query = { ...QUERY, words: wordsIn(...Array.from({ length: 24 }, () => 0)) };
  const passages = Array.from({ length: count }, (_passage, i) => passage(`p${i}`, 0b1, 0, i));
  const steps = scorePassages(toScanned(passages), query, 0.5);
  let turns = 0;
  while (!steps.next().done) turns += 1;
  expect(turns > 4).toBe(hasTurns);
  expect(turns > 0).toBe(hasTurns);
});

test('no step of many long exchanges puts more than some thousand passages in order', () => {
  const [count, each] = [50_000, 96];
  const passages = Array.from({ length: count }, (_passage, i) => {
    const nth = Math.floor(i / each);
    return { ...passage(`x${nth}`, 0, 0, -nth), part: i % each };
  });
  const scanned = toScanned(passages);
  let made = 0;
  const counted = { ...scanned, exchangeIdOf: (row: number) => ((made += 1), scanned.exchangeIdOf(row)) };
  const inEach = countedInEach(scorePassages(counted, QUERY, 0.5), () => made);
  expect(Math.max(...inEach)).toBeLessThanOrEqual(5_000);
  // Each is asked for once.
  expect(made).toBe(count);
});
