import { describe, expect, test } from '@jest/globals';
import { orderCandidates, withinBudget, type Candidate } from '../../src/memory/ranking/choose.ts';
import { ONLY_ASKS } from '../../src/memory/text/questions.ts';

const candidate = (exchangeId: string, total: number, more: Partial<Candidate> = {}): Candidate => ({
  exchangeId,
  part: 0,
  at: 0,
  flags: 0,
  cosine: 0,
  lexical: 0,
  total,
  place: 0,
  held: [0],
  userText: 'five words of the user',
  replyText: 'two words',
  added: 5,
  repeats: false,
  userCosine: 0.3,
  userEmbedding: [1, 0],
  ...more,
});
const other = { userEmbedding: [0, 1] };
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
    ['fits clearly worse', { at: 1, total: 0.4 }],
    ['is about something else', { at: 1, userEmbedding: [0, 1] }],
    ['lacks a word of the question that the older has', { at: 1, held: [0.3, 1] }],
    ['only asks', { at: 1, flags: ONLY_ASKS }],
  ])('but not when the newer %s', (_why, more) => {
    const older = candidate('older', 0.6, { held: [1, 0] });
    expect(names(orderCandidates([older, candidate('newer', 0.55, { held: [1, 0], ...more })], 3))[0]).toBe(
      'older',
    );
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

describe('the word budget', () => {
  // 5 + 2 words, and 2 for the label of each message.
  const three = [candidate('a', 0.9), candidate('b', 0.8), candidate('c', 0.7)];

  test('allows as many as fit, at most topK', () => {
    expect(names(withinBudget(three, 3, 33))).toEqual(['a', 'b', 'c']);
    expect(names(withinBudget(three, 3, 32))).toEqual(['a', 'b']);
    expect(names(withinBudget(three, 1, 100))).toEqual(['a']);
  });

  test('allows the best one in any case, and skips one that is too long', () => {
    expect(names(withinBudget(three, 3, 1))).toEqual(['a']);
    const long = candidate('long', 0.85, { userText: 'word '.repeat(50) });
    expect(
      names(
        withinBudget(
          [three[0], long, three[1]].flatMap((x) => x ?? []),
          3,
          30,
        ),
      ),
    ).toEqual(['a', 'b']);
  });
});
