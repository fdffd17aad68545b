/** Writes a run's results into docs: the tables between two marks of PERFORMANCE.md, and the charts. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../local/stack/paths.ts';
import { tables, type Report } from './report.ts';
import { drawChart } from './svg.ts';

const DOCS = path.join(projectRoot, 'docs');
const PAGE = path.join(DOCS, 'PERFORMANCE.md');
const [BEGIN, END] = ['<!-- results of npm run bench -->', '<!-- end of results -->'];

/** Replaces the page's results, and draws a chart for whatever was measured. */
export function writeDocuments(report: Report): void {
  const page = readFileSync(PAGE, 'utf8');
  const [before, after] = [page.split(BEGIN)[0], page.split(END)[1]];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} has lost its marks`);
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${tables(report)}\n\n${END}${after}`);
  const charts = path.join(DOCS, 'charts');
  mkdirSync(charts, { recursive: true });
  const { recall, workers } = report;
  if (recall) {
    const largest = Math.max(...recall.rows.map(({ total }) => total));
    const alone = recall.rows.filter(({ inFlight }) => inFlight === 1);
    const atLargest = alone.filter(({ total }) => total === largest);
    writeFileSync(
      path.join(charts, 'recall-by-scope.svg'),
      drawChart({
        title: `Recall by memories in the scope, ${largest / 1000}k in all`,
        x: 'memories in the scope',
        y: 'ms',
        logX: true,
        series: [
          { name: 'p50', points: atLargest.map((row) => [row.scopeSize, row.p50] as const) },
          { name: 'p95', points: atLargest.map((row) => [row.scopeSize, row.p95] as const) },
          {
            name: 'by exchange, p95',
            points: recall.hybrid
              .filter(({ inFlight }) => inFlight === 1)
              .map((row) => [row.exchanges, row.p95] as const),
          },
        ],
      }),
    );
    writeFileSync(
      path.join(charts, 'recall-by-total.svg'),
      drawChart({
        title: 'Recall by memories in all (p95)',
        x: 'memories in all',
        y: 'ms',
        logX: true,
        series: [100, 1_000, 5_000].map((size) => ({
          name: `scope of ${size}`,
          points: alone
            .filter(({ scopeSize }) => scopeSize === size)
            .map((row) => [row.total, row.p95] as const),
        })),
      }),
    );
  }
  if (workers) {
    writeFileSync(
      path.join(charts, 'replies-by-workers.svg'),
      drawChart({
        title: 'Replies per second by worker processes, 50 in flight',
        x: 'worker processes (all on one machine)',
        y: 'replies/s',
        series: [
          {
            name: 'until posted',
            points: workers.map((row) => [row.processes, row.repliesPerSecond] as const),
          },
          {
            name: 'until stored',
            points: workers.map((row) => [row.processes, row.completePerSecond] as const),
          },
        ],
      }),
    );
  }
}
