/** The environment of a tool for operators: what is set, then what the running installation has written down. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { homeDirectory } from '../../local/stack/paths.ts';

/** `process.env`, with what is not set there taken from `<KONSTRUCT_HOME>/stack.env`. */
export async function operatorEnvironment(): Promise<Record<string, string | undefined>> {
  const file = path.join(homeDirectory(process.env), 'stack.env');
  const written = await readFile(file, 'utf8').catch(() => '');
  const set = Object.entries(process.env).filter(([, value]) => value);
  return { ...parseEnv(written), ...Object.fromEntries(set) };
}
