import { countWords } from '../../src/memory/text/words.ts';
import { percentile } from '../percentile.ts';
import type { Question } from './dataset.ts';

/** The result of a question: the returned exchanges, best first. */
export type Answer = {
  set: string;
  sampleId: string;
  question: Question;
  returned: ReturnedItem[];
  searchMs: number;
};
/** An exchange: the dataset's turns that are quoted, and its text in the prompt. */
export type ReturnedItem = { turn_ids: string[]; text: string };

/** What was asked of the conversations of a set. */
export type Asked = {
  answerable: Answer[];
  /** Questions that the conversation has no answer to, as the data says. */
  unanswerable: Answer[];
  /** Questions of another conversation, with the names of this one. */
  foreign: Answer[];
};

export type Accuracy = {
  questions: number;
  recall_at_1: number;
  recall_at_3: number;
  hit_at_3: number;
  evidence_in_200_words: number;
};
export type Report = Accuracy & {
  recall_at_5: number;
  words_mean: number;
  words_p95: number;
  answerable_passed: number;
  unanswerable_passed: number | null;
  foreign_passed: number | null;
  by_category: Record<string, Accuracy>;
  by_conversation: Record<string, Accuracy>;
  search_p50_ms: number;
  search_p95_ms: number;
};

/** What a quotation may take on average. */
const WORDS = 200;

/**
 * The report over a set's questions, with what the threshold lets through: a question without a result counts
 * as one whose evidence was not found. Shares are 0 to 1. Words are those of the quotations with their days
 * and names, over the questions with a result; a character of a script without spaces is a word.
 */
export function toReport({ answerable, unanswerable, foreign }: Asked): Report {
  const times = answerable.map(({ searchMs }) => searchMs);
  const words = answerable
    .filter(hasResult)
    .map(({ returned }) => returned.reduce((sum, { text }) => sum + countWords(text), 0));
  return {
    ...accuracy(answerable),
    recall_at_5: round(mean(answerable.map((answer) => recallAt(answer, 5)))),
    words_mean: round(mean(words)),
    words_p95: percentile(words, 0.95),
    answerable_passed: passed(answerable) ?? 0,
    unanswerable_passed: passed(unanswerable),
    foreign_passed: passed(foreign),
    by_category: grouped(answerable, ({ question }) => question.category),
    by_conversation: grouped(answerable, ({ sampleId }) => sampleId),
    search_p50_ms: round(percentile(times, 0.5)),
    search_p95_ms: round(percentile(times, 0.95)),
  };
}

const hasResult = ({ returned }: Answer): boolean => returned.length > 0;

function passed(answers: readonly Answer[]): number | null {
  return answers.length === 0 ? null : round(answers.filter(hasResult).length / answers.length);
}

function grouped(answers: readonly Answer[], by: (answer: Answer) => string): Record<string, Accuracy> {
  const groups = [...Map.groupBy(answers, by)].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(groups.map(([name, group]) => [name, accuracy(group)]));
}

function accuracy(answers: readonly Answer[]): Accuracy {
  return {
    questions: answers.length,
    recall_at_1: round(mean(answers.map((answer) => recallAt(answer, 1)))),
    recall_at_3: round(mean(answers.map((answer) => recallAt(answer, 3)))),
    hit_at_3: round(mean(answers.map((answer) => Number(recallAt(answer, 3) > 0)))),
    evidence_in_200_words: round(mean(answers.map((answer) => recallWithin(answer, WORDS)))),
  };
}

/** Share of a question's evidence turns that are in its first `k` items. */
export function recallAt({ question, returned }: Answer, k: number): number {
  const found = new Set(returned.slice(0, k).flatMap((item) => item.turn_ids));
  return [...question.evidence].filter((id) => found.has(id)).length / question.evidence.size;
}

/** The same of the first items that take no more than so many words together. */
function recallWithin(answer: Answer, words: number): number {
  let left = words;
  const from = answer.returned.findIndex(({ text }) => (left -= countWords(text)) < 0);
  return recallAt(answer, from < 0 ? answer.returned.length : from);
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

export const round = (value: number): number => Math.round(value * 10_000) / 10_000;

const percent = (share: number | null): string =>
  (share === null ? '–' : (share * 100).toFixed(1)).padStart(6);

/** The reports as a table for people, shares in percent. */
export function toTable(reports: Readonly<Record<string, Report>>): string {
  const line = (name: string, a: Accuracy): string =>
    `${name.padEnd(26)} ${String(a.questions).padStart(9)} ` +
    [a.recall_at_1, a.recall_at_3, a.hit_at_3, a.evidence_in_200_words].map(percent).join(' ');
  const lines = Object.entries(reports).flatMap(([set, report]) => [
    line(set, report),
    ...Object.entries(report.by_conversation).map(([id, group]) => line(`  ${id}`, group)),
    ...Object.entries(report.by_category).map(([name, group]) => line(`  category ${name}`, group)),
    `  R@5 ${percent(report.recall_at_5)}   words ${report.words_mean.toFixed(0)} (p95 ${report.words_p95})   ` +
      `search p50 ${report.search_p50_ms} ms, p95 ${report.search_p95_ms} ms`,
    `  got something: answerable ${percent(report.answerable_passed)}   without an answer ` +
      `${percent(report.unanswerable_passed)}   of another conversation ${percent(report.foreign_passed)}`,
  ]);
  return [`${''.padEnd(26)} questions    R@1    R@3  hit@3  within ${WORDS} words`, ...lines].join('\n');
}
