import path from 'node:path';
import { writePrivate } from './paths.ts';
import type { StackUrls } from './types.ts';

/** Writes `<home>/pids.json`: running process ids by name. */
export function writePids(home: string, pids: Record<string, number>): void {
  writePrivate(path.join(home, 'pids.json'), JSON.stringify(pids) + '\n');
}

/**
 * Writes the components' URLs to `<home>/stack.env` as lines
 * of NAME=value, readable by a shell, and returns them.
 */
export function writeStackEnv(home: string, urls: StackUrls): string {
  const lines = Object.entries(urls)
    .map(([name, value]) => `${name}=${shellWord(value)}\n`)
    .sort();
  writePrivate(path.join(home, 'stack.env'), lines.join(''));
  return lines.join('');
}

/** A value, quoted only if a shell needs it: some other readers of env files take quotes literally. */
function shellWord(value: string): string {
  return /^[\w@%+=:,./-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
