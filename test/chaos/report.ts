/** A run's result as a table. */
import type { Verdict } from './audit.ts';
import type { Evidence } from './evidence.ts';
import { VICTIMS, type Fault } from './plan.ts';
import type { StandInLlm } from './stand-in-llm.ts';
import type { Traffic } from './traffic.ts';

const SHOWN_DIFFERENCES = 50;

/** The result of a run for people: a table, and every difference with its message id. */
export function reportOf(run: {
  seed: number;
  minutes: number;
  drainMs: number | undefined;
  faults: readonly Fault[];
  traffic: Traffic;
  asked: StandInLlm['asked'];
  evidence: Evidence;
  verdict: Verdict;
}): string {
  const { traffic, verdict, evidence } = run;
  const { accepted, replied, windows, memories, forgotten, erasures } = verdict.counts;
  const degraded = [...evidence.replies.values()].flatMap(([{ missing = [] }]) => missing);
  const rows: Array<[string, string]> = [
    ['seed, minutes', `${run.seed}, ${run.minutes}`],
    ...VICTIMS.flatMap((victim): Array<[string, string]> => {
      const count = (kind: Fault['kind']) =>
        run.faults.filter((fault) => fault.victim === victim && fault.kind === kind).length;
      const longest = Math.max(0, ...run.faults.filter((f) => f.victim === victim).map(({ forMs }) => forMs));
      return [
        [
          `faults: ${victim}`,
          `${count('kill')} killed, ${count('pause')} paused, ${count('away')} away (longest ${(longest / 1000).toFixed(0)} s)`,
        ],
      ];
    }),
    ['requests for the messages', `${traffic.requests}`],
    ['accepted', ratio(accepted)],
    ['replied exactly once', ratio(replied)],
    ['scopes whose window holds each turn once, in order', ratio(windows)],
    ['exactly two memories, in their scope', ratio(memories)],
    ...(erasures.of > 0
      ? [
          ['erasures that ended once', ratio(erasures)] satisfies [string, string],
          ['forgotten in every store', ratio(forgotten)] satisfies [string, string],
        ]
      : []),
    ['asked the model', `${run.asked.length} times`],
    ['missing in replies', degraded.length === 0 ? 'nothing' : tally(degraded)],
    ['drained after', run.drainMs === undefined ? 'never' : `${(run.drainMs / 1000).toFixed(0)} s`],
    ['differences', `${verdict.differences.length + traffic.wrongAnswers.length}`],
  ];
  const lines = [
    '',
    '| what | how many |',
    '| --- | --- |',
    ...rows.map(([what, n]) => `| ${what} | ${n} |`),
    '',
  ];
  for (const wrong of traffic.wrongAnswers.slice(0, SHOWN_DIFFERENCES)) lines.push(`wrong answer: ${wrong}`);
  for (const { what, messageId, detail } of verdict.differences.slice(0, SHOWN_DIFFERENCES))
    lines.push(`${what}: ${messageId}: ${detail}`);
  return lines.join('\n');
}

const ratio = ({ right, of }: { right: number; of: number }): string => `${right} of ${of}`;

function tally(names: readonly string[]): string {
  const groups = Map.groupBy(names, (name) => name);
  return [...groups].map(([name, all]) => `${name} ${all.length}`).join(', ');
}
