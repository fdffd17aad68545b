import { describe, expect, test } from '@jest/globals';
import {
  answerWords,
  orderCandidates as orderInSteps,
  type Candidate,
} from '../../src/memory/ranking/choose.ts';
import type { ScoredScope } from '../../src/memory/ranking/score.ts';
import { passagesOf, withinBudget } from '../../src/memory/recall/quotable.ts';
import { ONLY_ASKS } from '../../src/memory/text/questions.ts';
import { atOnce, countedInEach } from '../support/steps.ts';

const candidate = (exchangeId: string, total: number, more: Partial<Candidate> = {}): Candidate => ({
  exchangeId,
  part: 0,
  at: 0,
  flags: 0,
  cosine: 0,
  lexical: 0,
  total,
  score: 0,
  place: 0,
  held: [0],
  userText: 'five words of the user',
  replyText: 'two words',
  answer: answerWords(more.replyText ?? 'two words'),
  added: 5,
  repeats: false,
  userCosine: 0.3,
  userEmbedding: [1, 0],
  ...more,
});
const other = { userEmbedding: [0, 1] };
const orderCandidates = (...from: Parameters<typeof orderInSteps>) => atOnce(orderInSteps(...from));
const names = (candidates: readonly Candidate[]) => candidates.map(({ exchangeId }) => exchangeId);

describe('order', () => {
  test('best first', () => {
    const found = orderCandidates(
      [candidate('b', 0.4), candidate('a', 0.6, other), candidate('c', 0.2, other)],
      3,
    );
    expect(names(found)).toEqual(['a', 'b', 'c']);
  });

  test('of two statements on one topic the newer comes first', () => {
    const found = orderCandidates([candidate('older', 0.6), candidate('newer', 0.55, { at: 1 })], 3);
    expect(names(found)).toEqual(['newer', 'older']);
  });

  test.each([
    ['fits clearly worse', { at: 1, total: -2 }],
    ['is about something else', { at: 1, userEmbedding: [0, 1] }],
    ['lacks a word of the question that the older has', { at: 1, held: [0.3, 1] }],
    ['only asks', { at: 1, flags: ONLY_ASKS }],
  ])('but not when the newer %s', (_why, more) => {
    const older = candidate('older', 0.6, { held: [1, 0] });
    expect(names(orderCandidates([older, candidate('newer', 0.55, { held: [1, 0], ...more })], 3))[0]).toBe(
      'older',
    );
  });

  test('of the places, what the agent alone says has a third, and the rest when nobody else says anything', () => {
    const claims = ['a', 'b', 'c'].map((id, i) => candidate(id, 0.9, { flags: ONLY_ASKS, at: i, ...other }));
    const told = ['x', 'y'].map((id) => candidate(id, 0.2));
    expect(names(orderCandidates([...claims, ...told], 4))).toEqual(['a', 'x', 'y', 'b', 'c']);
    expect(names(orderCandidates([...claims, ...told], 6))).toEqual(['a', 'b', 'x', 'y', 'c']);
    expect(names(orderCandidates(claims, 2))).toEqual(['a', 'b', 'c']);
  });

  test('earlier askings of the same question take one place, below statements', () => {
    const asked = (id: string) => candidate(id, 0.9, { flags: ONLY_ASKS, userCosine: 0.95 });
    const found = orderCandidates([asked('asked 1'), asked('asked 2'), candidate('told', 0.6, other)], 3);
    expect(names(found)).toEqual(['told', 'asked 1']);
  });

  test('of questions like the query the one that adds most has the last place', () => {
    const asked = (id: string, added: number, more: Partial<Candidate> = {}) =>
      candidate(id, 0.9, { flags: ONLY_ASKS, userCosine: 0.95, added, ...more });
    const statements = ['a', 'b', 'c'].map((id, i) =>
      candidate(id, 0.5, { userEmbedding: [i === 0 ? 1 : 0, i === 1 ? 1 : 0, i === 2 ? 1 : 0] }),
    );
    const questions = [asked('asked', 1.5), asked('tells', 3), asked('repeats', 0, { repeats: true })];
    expect(names(orderCandidates([...questions, ...statements], 3)).slice(0, 3)).toEqual(['a', 'b', 'tells']);
  });
});

describe('in steps', () => {
  /** A set that counts how often something is looked for in it. */
  let looked = 0;
  class Counted extends Set<string> {
    override has(word: string): boolean {
      looked += 1;
      return super.has(word);
    }
  }
  const ASKED = 40;
  const characters = (from: number) =>
    Array.from({ length: 2_000 }, (_, i) => String.fromCodePoint(0x4e00 + ((from + 37 * i) % 20_000)));

  test.each([
    ['each its own', (nth: number) => characters(nth).join('')],
    ['all the same', () => characters(0).join('')],
    [
      'most of their ends the same',
      (nth: number) => [...characters(nth).slice(0, 100), ...characters(0)].join(''),
    ],
  ])('forty long answers in a script without spaces, %s', (_which, answerOf) => {
    const asked = Array.from({ length: ASKED }, (_, nth) =>
      candidate(`x${nth}`, 5 - nth / 100, { repeats: true, answer: new Counted(answerWords(answerOf(nth))) }),
    );
    looked = 0;
    const each = countedInEach(orderInSteps(asked, 20), () => looked);
    expect(Math.max(...each)).toBeLessThan(11_000);
    // Each pair once, and of each no more than so many words.
    expect(looked).toBeLessThanOrEqual((ASKED * (ASKED - 1) * 600) / 2);
  });

  test('of ordinary answers all in one', () => {
    const asked = Array.from({ length: 10 }, (_, nth) => candidate(`x${nth}`, 5, { flags: ONLY_ASKS }));
    expect(countedInEach(orderInSteps(asked, 5), () => 0)).toHaveLength(1);
  });
});

test('an answer is compared by all of its words, unless its script has no spaces', () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i).join(' ');
  // All that 2,000 letters hold, of ordinary length.
  expect(answerWords(numbers(500)).size).toBe(500);
  expect(
    answerWords(Array.from({ length: 2_000 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('')).size,
  ).toBe(600);
});

describe('what is quoted', () => {
  const none = new Float64Array();
  const scored = (...passages: Candidate[]): ScoredScope => ({
    features: { meaning: none, before: none, words: none, speaker: none },
    totals: Float64Array.from(passages, ({ total }) => total),
    flags: new Int16Array(passages.length),
    ats: Float64Array.from(passages, (_passage, place) => place),
    exchangeIdAt: (place) => passages[place]?.exchangeId,
    heldAt: () => [],
    passageAt: (place) => passages[place],
  });
  const at = (place: number, exchangeId: string, part: number, total: number) =>
    candidate(exchangeId, total, { place, part });
  const inOrder = (passages: ReadonlyArray<{ exchangeId: string; part: number }>) =>
    passages.map(({ exchangeId, part }) => `${exchangeId}${part}`);

  test('is what fits best of all passages of the exchanges', () => {
    const [a0, a1, b0, b1] = [at(0, 'a', 0, 5), at(1, 'a', 1, 3), at(2, 'b', 0, 1), at(3, 'b', 1, 4)];
    expect(inOrder(passagesOf([a0, b1], scored(a0, a1, b0, b1)))).toEqual(['a0', 'b1', 'a1', 'b0']);
  });

  test('follows the order of the exchanges, and what one has lost all of its passages lose', () => {
    const [a0, a1, b0] = [at(0, 'a', 0, 5), at(1, 'a', 1, 4), at(2, 'b', 0, 3)];
    const scope = scored(a0, a1, b0);
    expect(inOrder(passagesOf([b0, a0], scope))).toEqual(['b0', 'a0', 'a1']);
    const asked = { ...a0, total: -5 };
    expect(inOrder(passagesOf([b0, asked], scope))).toEqual(['b0', 'a0', 'a1']);
  });

  test('is made of no more passages than are asked for, however many the exchanges have', () => {
    const passages = Array.from({ length: 960 }, (_, i) => at(i, `x${Math.floor(i / 96)}`, i % 96, i));
    const scope = scored(...passages);
    let made = 0;
    const counted = { ...scope, passageAt: (place: number) => ((made += 1), scope.passageAt(place)) };
    const best = passages.filter(({ part }) => part === 95).toReversed();
    const few = passagesOf(best, counted, 40);
    expect(few).toEqual(passagesOf(best, scope).slice(0, 40));
    expect(made).toBe(40);
  });
});

describe('the word budget', () => {
  const passage = (exchangeId: string, words: number) => ({ exchangeId, words });
  const [a, b, c] = [passage('a', 50), passage('b', 50), passage('c', 50)];

  test('allows as many as fit, of at most topK exchanges', () => {
    expect(withinBudget([a, b, c], 3, 150)).toEqual([a, b, c]);
    expect(withinBudget([a, b, c], 3, 149)).toEqual([a, b]);
    expect(withinBudget([a, b, c], 2, 1_000)).toEqual([a, b]);
    const more = passage('a', 40);
    expect(withinBudget([a, b, more], 1, 1_000)).toEqual([a, more]);
  });

  test('allows the best one in any case, and skips one that is too long', () => {
    expect(withinBudget([a, b, c], 3, 1)).toEqual([a]);
    const long = passage('long', 150);
    expect(withinBudget([a, long, b], 3, 120)).toEqual([a, b]);
  });

  test('has a short exchange quoted whole, and of a longer one what fits best', () => {
    const [answer, rest] = [passage('a', 30), passage('b', 45)];
    expect(withinBudget([a, b, answer, rest], 2, 150)).toEqual([a, answer, b]);
    expect(withinBudget([b, a, answer, rest], 2, 150)).toEqual([b, a, answer]);
    expect(withinBudget([b, a, rest], 2, 100)).toEqual([b, a]);
  });
});
