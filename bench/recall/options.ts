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

export function readOptions(): Options {
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
  const settings = readSettings(values.settings);
  const noUserName = values['no-user-name'];
  return { files: positionals, limit, scale, details, vectors, settings, noUserName };
}

/** Parses an agent's recall settings, as the API accepts them. Throws when they are invalid. */
export function readSettings(json: string): Partial<RecallSettings> {
  const { recall = {} } = newAgentBody.parse({ name: 'bench', recall: JSON.parse(json) as unknown });
  return JSON.parse(JSON.stringify(recall)) as Partial<RecallSettings>;
}
