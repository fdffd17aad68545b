/** Writes a run's results: the data into bench/results, the table of docs/PERFORMANCE.md, and the charts. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { z } from 'zod';
import { projectRoot } from '../local/stack/paths.ts';
import { circumstances, toJson, type Report } from './report.ts';
import { PARTS, partsOf } from './summary.ts';
import { drawChart } from './svg.ts';

const RESULTS = path.join(projectRoot, 'bench', 'results');
const DOCS = path.join(projectRoot, 'docs');
const PAGE = path.join(DOCS, 'PERFORMANCE.md');
const [BEGIN, END] = ['<!-- results of npm run bench -->', '<!-- end of results -->'];

const fileOf = (part: (typeof PARTS)[number]): string => path.join(RESULTS, `latest-${part}.json`);

/** What the page reads of a part's file. */
const latestFile = z.object({
  date: z.string(),
  revision: z.string(),
  quick: z.boolean(),
  lengths: z.enum(['short', 'real']).default('short'),
  summary: z.array(z.object({ measure: z.string(), target: z.string(), result: z.string() })),
});

/** Keeps each measured part in its file. Then it draws the page's table from the files, and the charts. */
export async function writeDocuments(report: Report): Promise<void> {
  for (const { name, ...part } of partsOf(report)) {
    const { what, ...rest } = part;
    const date = new Date().toISOString().slice(0, 10);
    const { quick, temporal, lengths } = report;
    const kept = { what, date, ...circumstances(), temporal, lengths, quick, ...rest };
    await writeFormatted(fileOf(name), toJson(kept));
  }
  await writeTable();
  drawCharts(report);
}

/** A part that a run leaves out keeps its last result. */
async function writeTable(): Promise<void> {
  const rows = PARTS.map(fileOf)
    .filter((file) => existsSync(file))
    .map((file) => latestFile.parse(JSON.parse(readFileSync(file, 'utf8'))))
    .flatMap(({ summary, revision, date, quick, lengths }) =>
      summary.map(({ measure, target, result }) => {
        const run = `${revision}, ${date}${lengths === 'real' ? ', real lengths' : ''}${quick ? ', quick' : ''}`;
        return `| ${[measure, target || '–', result, run].join(' | ')} |`;
      }),
    );
  const table = ['| measure | target | last result | run |', '| --- | --- | --- | --- |', ...rows].join('\n');
  const page = readFileSync(PAGE, 'utf8');
  const [before, after] = [page.split(BEGIN)[0], page.split(END)[1]];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} has lost its marks`);
  const text = `${before}${BEGIN}\n\n${table}\n\n${END}${after}`;
  await writeFormatted(PAGE, text);
}

/** As `npm run check` wants it. */
async function writeFormatted(file: string, text: string): Promise<void> {
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}

function drawCharts({ recall, workers }: Report): void {
  const charts = path.join(DOCS, 'charts');
  mkdirSync(charts, { recursive: true });
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
