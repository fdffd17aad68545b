/**
 * `npm run docs:configuration`: writes docs/CONFIGURATION.md from the schemas of the configuration. With
 * `--check` it writes nothing, and fails when the file differs from what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { z } from 'zod';
import { LOCAL_SUBJECTS } from '../local/stack/settings.ts';
import { channelSubjects } from '../src/channels/index.ts';
import { SUBJECTS } from '../src/config/index.ts';
import { variablesOf, type Subject } from '../src/config/variables.ts';

const FILE = fileURLToPath(new URL('../docs/CONFIGURATION.md', import.meta.url));

const HEAD = `# Configuration

Every variable that Konstruct reads. This page is generated from the schemas in \`src/config\`, of the channels
and of \`local/stack/settings.ts\`: change them, then run \`npm run docs:configuration\`.

An empty variable counts as not set. When variables are missing or wrong, a process ends at its start with
one error that names them all and says what to set each to.

`;

type Reader = { name: string; subjects: Record<string, Subject> };

const READERS: readonly Reader[] = [
  { name: 'API', subjects: { ...SUBJECTS.api, ...channelSubjects('inbound') } },
  { name: 'worker', subjects: { ...SUBJECTS.worker, ...channelSubjects('outbound') } },
  { name: 'migration', subjects: SUBJECTS.migration },
  { name: 'replay', subjects: SUBJECTS.replay },
  { name: 'replay', subjects: SUBJECTS.histories },
  { name: 'replay `--what-if`', subjects: SUBJECTS.recall },
  { name: 'replay `--ask`', subjects: SUBJECTS.ask },
  { name: 'doctor', subjects: SUBJECTS.doctor },
  { name: '`npm start`', subjects: LOCAL_SUBJECTS.start },
  { name: '`npm run stack`', subjects: LOCAL_SUBJECTS.stack },
  { name: 'replay', subjects: LOCAL_SUBJECTS.operators },
];

/** A row by the variable's name: its cells but the last, and who reads it. */
type Row = { cells: string[]; readers: Set<string> };
type Section = { intro: string; rows: Map<string, Row> };

function sections(): Map<string, Section> {
  const byTitle = new Map<string, Section>();
  for (const { name: reader, subjects } of READERS) {
    for (const subject of Object.values(subjects)) {
      const variables = variablesOf(subject);
      const { title = '', description = '' } = variables.meta() ?? {};
      const section = byTitle.get(title) ?? { intro: '', rows: new Map<string, Row>() };
      byTitle.set(title, section);
      section.intro ||= description;
      for (const [variable, schema] of Object.entries(variables.shape)) {
        const row = section.rows.get(variable) ?? { cells: cellsOf(variable, schema), readers: new Set() };
        section.rows.set(variable, row);
        row.readers.add(reader);
      }
    }
  }
  return byTitle;
}

function cellsOf(variable: string, schema: z.ZodType): string[] {
  const { description = '', cure = '', unset } = z.globalRegistry.get(schema) ?? {};
  if (description === '') throw new Error(`${variable} has no description`);
  const withoutIt = schema.safeParse(undefined);
  const value = withoutIt.success && withoutIt.data !== undefined ? String(withoutIt.data) : '';
  const fallback = unset ?? (value === '' ? '' : `\`${value}\``);
  return [`\`${variable}\``, description, withoutIt.success ? fallback : 'required', cure];
}

function table(rows: Iterable<Row>): string {
  const head = ['variable', 'meaning', 'when not set', 'set it to', 'read by'];
  const lines = [head, head.map(() => '---')];
  for (const { cells, readers } of rows) lines.push([...cells, [...readers].join(', ')]);
  return lines
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

async function render(): Promise<string> {
  const parts = [...sections()].map(
    ([title, { intro, rows }]) => `## ${title}\n\n${intro && `${intro}\n\n`}${table(rows.values())}\n`,
  );
  const options = await prettier.resolveConfig(FILE);
  return prettier.format(HEAD + parts.join('\n'), { ...options, parser: 'markdown', proseWrap: 'always' });
}

const wanted = await render();
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, wanted);
} else if (readText(FILE) !== wanted) {
  console.error('docs/CONFIGURATION.md is not what the schemas say: run npm run docs:configuration');
  process.exitCode = 1;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
