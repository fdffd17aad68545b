import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheSetting, homeSetting } from './settings.ts';

/** Root of the project: the folder with package.json. */
export const projectRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** An unprivileged account, for what refuses to run as root. */
export type Account = { uid: number; gid: number };

/** KONSTRUCT_HOME, or `.konstruct` in the project; relative paths count from the project's root. */
export function homeDirectory(env: NodeJS.ProcessEnv): string {
  return path.resolve(projectRoot, homeSetting(env));
}

/** Where fetched components are kept; shared by all clones on the machine. */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
  const configured = cacheSetting(env);
  if (configured !== undefined) return path.resolve(configured);
  const base = env['XDG_CACHE_HOME'] || path.join(env['HOME'] || os.homedir(), '.cache');
  return path.resolve(base, 'konstruct');
}

/** Makes the home if absent. As root it lets others pass through (its files stay 0600): Postgres runs as nobody below it. */
export function makeHome(home: string): void {
  fs.mkdirSync(home, { recursive: true, mode: 0o711 });
  fs.mkdirSync(path.join(home, 'logs'), { recursive: true, mode: 0o700 });
  if (unprivilegedAccount()) fs.chmodSync(home, fs.statSync(home).mode | 0o111);
}

/** The account that Postgres runs as when we are root (it refuses root); undefined when we are not. */
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

/** Whether the account can reach `directory` (or what exists of the way to it) and everything on the way. */
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

/** Writes a file that only its owner can read, in one step: a reader sees the old or the new content, never half. */
export function writePrivate(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, content, { mode: 0o600 });
  fs.renameSync(temporary, file);
}

/** The executable files of these names in PATH's folders, then in the further `folders`; an earlier name comes first. */
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
        // Not here.
      }
    }
  }
  return found;
}
