import { expect, test } from '@jest/globals';
import type { Conversation, Question } from '../../bench/recall/dataset.ts';
import { foreignQuestions } from '../../bench/recall/foreign.ts';
import { toReport, type Answer } from '../../bench/recall/measure.ts';
import { quotedTurns } from '../../bench/recall/replay.ts';

const question = (text: string, ...evidence: string[]): Question => ({
  text,
  category: '1',
  evidence: new Set(evidence),
});
const between = (userName: string | undefined, agentName: string, questions: Question[]): Conversation => ({
  ...{ set: 'set', id: userName ?? '', userName, agentName, exchanges: [] },
  questions,
});

test('a foreign question names those who speak here, in any case and with a genitive', () => {
  const here = between('Ida', 'Ruben', []);
  const there = between('Nora', 'Tom', [
    question("What is Nora's and tom’s plan for tomorrow, and who is Norah?", 'D1:1'),
    question('What does Nora never say?'),
  ]);
  expect(foreignQuestions(here, there).map(({ text }) => text)).toEqual([
    "What is Ida's and Ruben’s plan for tomorrow, and who is Norah?",
  ]);
  const nameless = between(undefined, 'Ruben', []);
  expect(foreignQuestions(nameless, there)[0]?.text).toContain('Nora');
});

test('a turn counts as quoted with at least half of its letters', () => {
  const text = 'the first of it is long and the second is short';
  const turns = [
    { id: 'D1:1', from: 0, to: 27 },
    { id: 'D1:2', from: 28, to: text.length },
  ];
  const message = { text, turns };
  expect(quotedTurns(message, text)).toEqual(['D1:1', 'D1:2']);
  expect(quotedTurns(message, '… the second is short')).toEqual(['D1:2']);
  expect(quotedTurns(message, 'the first of it … second is short')).toEqual(['D1:1', 'D1:2']);
  expect(quotedTurns(message, 'the first …')).toEqual([]);
});

test('of a long turn 200 letters are enough', () => {
  const text = Array.from({ length: 200 }, (_, i) => `word${i}`).join(' ');
  const message = { text, turns: [{ id: 'D1:1', from: 0, to: text.length }] };
  expect(quotedTurns(message, `… ${text.slice(300, 510)} …`)).toEqual(['D1:1']);
  expect(quotedTurns(message, `… ${text.slice(300, 490)} …`)).toEqual([]);
});

test('what stands after 200 words counts among three exchanges, but not within the words', () => {
  const words = (n: number) => Array.from({ length: n }, () => 'word').join(' ');
  const answer = (asked: Question, ...returned: Answer['returned']): Answer => ({
    ...{ set: 'set', sampleId: 'one', question: asked, returned, searchMs: 1 },
  });
  const found = answer(
    question('?', 'D1:1', 'D1:2'),
    { turn_ids: ['D1:1'], text: words(150) },
    { turn_ids: ['D1:2'], text: words(100) },
  );
  const report = toReport({
    answerable: [found, answer(question('?', 'D1:3'))],
    unanswerable: [answer(question('?')), answer(question('?'), { turn_ids: [], text: 'x' })],
    foreign: [],
  });
  expect(report).toMatchObject({
    ...{ questions: 2, recall_at_1: 0.25, recall_at_3: 0.5, evidence_in_200_words: 0.25 },
    ...{ words_mean: 250, answerable_passed: 0.5, unanswerable_passed: 0.5, foreign_passed: null },
    by_category: { 1: { questions: 2, recall_at_3: 0.5 } },
  });
});
