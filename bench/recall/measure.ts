/**
 * The result of a question: the returned exchanges in order, each with its turns and its text in the prompt.
 */
import { percentile } from '../percentile.ts';
export type Answer = {
  sampleId: string;
  question: string;
  category: string;
  evidence: ReadonlySet<string>;
  returned: ReturnedItem[];
  searchMs: number;
};
export type ReturnedItem = { turn_ids: string[]; text: string };

export type Report = {
  recall_at_1: number;
  recall_at_3: number;
  hit_at_3: number;
  recall_at_5: number;
  words_at_3: number;
  by_category: Record<
    string,
    { questions: number; recall_at_1: number; recall_at_3: number; hit_at_3: number }
  >;
  unrelated_returned_rate: number | null;
  search_p50_ms: number;
  search_p95_ms: number;
  questions: number;
};

/**
 * The report over all questions, after the threshold: a question without a result counts as one whose
 * evidence was not found. Shares are 0 to 1. `words_at_3` is the mean over the questions with a result.
 */
export function toReport(
  at3: readonly Answer[],
  at5: readonly Answer[],
  unrelated: readonly Answer[],
): Report {
  const times = at3.map(({ searchMs }) => searchMs);
  const answered = at3.filter(({ returned }) => returned.length > 0);
  return {
    ...accuracy(at3),
    recall_at_5: round(mean(at5.map((answer) => recallAt(answer, 5)))),
    words_at_3: round(mean(answered.map(({ returned }) => wordsOf(returned)))),
    by_category: byCategory(at3),
    unrelated_returned_rate:
      unrelated.length === 0
        ? null
        : round(mean(unrelated.map(({ returned }) => Number(returned.length > 0)))),
    search_p50_ms: round(percentile(times, 0.5)),
    search_p95_ms: round(percentile(times, 0.95)),
    questions: at3.length,
  };
}

function byCategory(answers: readonly Answer[]): Report['by_category'] {
  const groups = [...Map.groupBy(answers, ({ category }) => category)].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    groups.map(([category, group]) => [category, { questions: group.length, ...accuracy(group) }]),
  );
}

function accuracy(answers: readonly Answer[]) {
  return {
    recall_at_1: round(mean(answers.map((answer) => recallAt(answer, 1)))),
    recall_at_3: round(mean(answers.map((answer) => recallAt(answer, 3)))),
    hit_at_3: round(mean(answers.map((answer) => Number(recallAt(answer, 3) > 0)))),
  };
}

/** Share of a question's evidence turns that are in its first `k` items. */
export function recallAt({ evidence, returned }: Answer, k: number): number {
  const found = new Set(returned.slice(0, k).flatMap((item) => item.turn_ids));
  return [...evidence].filter((id) => found.has(id)).length / evidence.size;
}

const wordsOf = (items: readonly ReturnedItem[]): number =>
  items.reduce((sum, { text }) => sum + text.split(/\s+/u).filter(Boolean).length, 0);

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

export const round = (value: number): number => Math.round(value * 10_000) / 10_000;

/** The report as a table for people, shares in percent. */
export function toTable(
  report: Report,
  conversations: ReadonlyArray<{ id: string; answers: Answer[] }>,
): string {
  const percent = (share: number) => (share * 100).toFixed(1).padStart(6);
  const line = (name: string, n: number, a: { recall_at_1: number; recall_at_3: number; hit_at_3: number }) =>
    `${name.padEnd(14)} ${String(n).padStart(9)} ${percent(a.recall_at_1)} ${percent(a.recall_at_3)} ${percent(a.hit_at_3)}`;
  return [
    `${''.padEnd(14)} questions    R@1    R@3  hit@3`,
    ...conversations.map(({ id, answers }) => line(id, answers.length, accuracy(answers))),
    ...Object.entries(report.by_category).map(([name, group]) =>
      line(`category ${name}`, group.questions, group),
    ),
    line('all', report.questions, report),
    `R@5 ${percent(report.recall_at_5)}   words at 3 ${report.words_at_3.toFixed(0)}   unrelated questions with a result ` +
      `${report.unrelated_returned_rate === null ? '–' : percent(report.unrelated_returned_rate)}   ` +
      `search p50 ${report.search_p50_ms} ms, p95 ${report.search_p95_ms} ms`,
  ].join('\n');
}
