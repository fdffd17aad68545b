/** The environment of an operator's command: its own variables, then those of the running installation. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { homeDirectory } from '../../local/stack/paths.ts';

/** `process.env`; variables that are unset or empty there are taken from `<KONSTRUCT_HOME>/stack.env`. */
export async function operatorEnvironment(): Promise<Record<string, string | undefined>> {
  const file = path.join(homeDirectory(process.env), 'stack.env');
  const written = await readFile(file, 'utf8').catch(() => '');
  const set = Object.entries(process.env).filter(([, value]) => value);
  return { ...parseEnv(written), ...Object.fromEntries(set) };
}
