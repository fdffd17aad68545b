import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheSetting } from './settings.ts';

/** The project's root: the folder of package.json. */
export const projectRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** An unprivileged account, for programs that refuse to run as root. */
export type Account = { uid: number; gid: number };

/** The folder for downloaded components, shared by all clones on the machine. */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
  const configured = cacheSetting(env);
  if (configured !== undefined) return path.resolve(configured);
  const base = env['XDG_CACHE_HOME'] || path.join(env['HOME'] || os.homedir(), '.cache');
  return path.resolve(base, 'konstruct');
}

/**
 * Creates the home if it doesn't exist. As root it also makes the home traversable for others (its files stay
 * 0600), since Postgres then runs as nobody in a folder below it.
 */
export function makeHome(home: string): void {
  fs.mkdirSync(home, { recursive: true, mode: 0o711 });
  fs.mkdirSync(path.join(home, 'logs'), { recursive: true, mode: 0o700 });
  if (unprivilegedAccount()) fs.chmodSync(home, fs.statSync(home).mode | 0o111);
}

/**
 * The account for Postgres when this process is root, which Postgres refuses; undefined when it is not root.
 */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }).trim());
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return { uid: 65_534, gid: 65_534 };
  }
}

/**
 * Whether the account can enter `directory` and all its parents. Folders that don't exist yet are ignored.
 */
export function isTraversable(directory: string, account: Account): boolean {
  for (let current = path.resolve(directory); ; current = path.dirname(current)) {
    const stat = fs.statSync(current, { throwIfNoEntry: false });
    if (stat) {
      const bit = stat.uid === account.uid ? 0o100 : stat.gid === account.gid ? 0o010 : 0o001;
      if ((stat.mode & bit) === 0) return false;
    }
    if (current === path.dirname(current)) return true;
  }
}

/**
 * Writes a file that only its owner can read, atomically: a
 * reader sees the old or the new content, never half.
 */
export function writePrivate(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, content, { mode: 0o600 });
  fs.renameSync(temporary, file);
}

/**
 * Executable files of these names, in the order of the names.
 * For each name PATH's folders come first, then `folders`.
 */
export function findOnPath(
  names: readonly string[],
  env: NodeJS.ProcessEnv,
  folders: readonly string[] = [],
): string[] {
  const found: string[] = [];
  const searched = [
    ...(env['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder)),
    ...folders,
  ];
  for (const name of names) {
    for (const folder of searched) {
      const file = path.join(folder, name);
      try {
        fs.accessSync(file, fs.constants.X_OK);
        if (fs.statSync(file).isFile()) found.push(file);
      } catch {
        // Not in this folder, or not executable.
      }
    }
  }
  return found;
}
