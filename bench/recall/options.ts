import { parseArgs } from 'node:util';
import { newAgentBody } from '../../src/api/schemas.ts';
import type { RecallSettings } from '../../src/domain/agent.ts';
import { StackError } from '../../local/stack/report.ts';

const USAGE =
  'usage: npm run bench:recall -- FILE... [--limit QUESTIONS] [--details OUT.jsonl] [--scale EXCHANGES] ' +
  '[--settings JSON] [--no-user-name] [--vectors FILE]';

export type Options = {
  files: string[];
  /** Questions of each set. */
  limit: number;
  /** Exchanges of the scope that is timed; 0 times none. */
  scale: number;
  details: string | undefined;
  vectors: string | undefined;
  settings: Partial<RecallSettings>;
  noUserName: boolean;
};

export function readOptions(say: (line: string) => void): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      limit: { type: 'string' },
      details: { type: 'string' },
      scale: { type: 'string' },
      vectors: { type: 'string' },
      settings: { type: 'string', default: '{}' },
      'no-user-name': { type: 'boolean', default: false },
    },
  });
  const { details, vectors } = values;
  const limit = Number(values.limit ?? Number.POSITIVE_INFINITY);
  const scale = Number(values.scale ?? 0);
  if (positionals.length === 0 || !(limit > 0) || !(scale >= 0)) throw new StackError(USAGE);
  const { settings, note } = readSettings(values.settings);
  if (note) say(`  ${note}`);
  const noUserName = values['no-user-name'];
  return { files: positionals, limit, scale, details, vectors, settings, noUserName };
}

/**
 * Parses an agent's recall settings, as the API accepts them. `topK` is removed, with a note: the benchmark
 * sets it. Throws when the settings are invalid.
 */
export function readSettings(json: string): { settings: Partial<RecallSettings>; note?: string } {
  const { recall = {} } = newAgentBody.parse({ name: 'bench', recall: JSON.parse(json) as unknown });
  const { topK, ...settings } = JSON.parse(JSON.stringify(recall)) as Partial<RecallSettings>;
  if (topK === undefined) return { settings };
  return {
    settings,
    note: `topK ${topK} is ignored: everything is measured with 3 exchanges, and R@5 with 5`,
  };
}
