import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { isTraversable, unprivilegedAccount } from './paths.ts';
import type { Account } from './paths.ts';
import { findPostgres } from './postgres-binaries.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import type { ProvisionContext } from './provision.ts';
import { StackError } from './report.ts';
import { runCommand } from './run-command.ts';
import type { ProcessSpec } from './types.ts';

const ADMIN = 'postgres';
const DATABASE = 'konstruct';
/** A file in the home with the path of the data directory, when the data can't be in the home itself. */
const DIRECTORY_FILE = 'postgres-directory';
const SYSTEM_STATE = '/var/lib/konstruct';

/** Options of `postgresService`. */
export type PostgresOptions = {
  home: string;
  port: number;
  adminPassword: string;
  ephemeral: boolean;
  /** Its name among the processes; `postgres` when left out. */
  name?: string;
  /** What it has from the start, `konstruct` when left out. The administrator's URL leads to the first. */
  databases?: readonly [string, ...string[]];
};

/** A Postgres server's process and its administrator's URL. `directory` contains its data. */
export type PostgresService = { spec: ProcessSpec; adminUrl: string; directory: string };

/**
 * Prepares the local Postgres and creates its data directory if there is none.
 * @throws StackError when there is no suitable PostgreSQL, or initdb fails.
 */
export async function postgresService(
  context: ProvisionContext,
  options: PostgresOptions,
): Promise<PostgresService> {
  const account = unprivilegedAccount();
  const directory = chooseDirectory(context, options, account);
  const data = path.join(directory, 'data');
  const major = existingMajor(data);
  const binaries = await findPostgres(context, account, major);
  if (major !== undefined && major !== binaries.major) {
    throw new StackError(
      `${data} was created by PostgreSQL ${major}: install that version with pgvector, or remove the directory to start with an empty database`,
    );
  }
  if (major === undefined) await initialise(context, binaries, directory, options, account);
  const { name = 'postgres', databases = [DATABASE], adminPassword, port } = options;
  const adminUrl = `postgres://${ADMIN}:${adminPassword}@127.0.0.1:${port}/${databases[0]}`;
  const spec: ProcessSpec = {
    name,
    file: binaries.postgres,
    args: ['-D', data, ...serverSettings(options)],
    env: serverEnv(context.env),
    cwd: directory,
    ...account,
    stopSignal: 'SIGINT', // fast shutdown: closes open connections and doesn't wait for them
    stopStage: 4,
    ready: async () => {
      for (const database of databases) await ensureDatabase(adminUrl, database);
      return true;
    },
  };
  return { spec, adminUrl, directory };
}

/** `<home>/postgres`, unless this process is root and the account that runs Postgres can't enter it. */
function chooseDirectory(
  context: ProvisionContext,
  options: PostgresOptions,
  account: Account | undefined,
): string {
  const usual = path.join(options.home, 'postgres');
  const directoryFile = path.join(options.home, DIRECTORY_FILE);
  let directory = usual;
  if (account && !isTraversable(options.home, account)) {
    const previous = fs.existsSync(directoryFile) ? fs.readFileSync(directoryFile, 'utf8').trim() : '';
    directory =
      previous !== '' && fs.existsSync(previous) ? previous : makeSystemDirectory(options.ephemeral);
    fs.writeFileSync(directoryFile, directory + '\n', { mode: 0o600 });
    context.log(
      `  Postgres runs as nobody (not root), who can't enter ${options.home}: its data is in ${directory}`,
    );
  }
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (account) fs.chownSync(directory, account.uid, account.gid);
  return directory;
}

function makeSystemDirectory(ephemeral: boolean): string {
  const parent = ephemeral ? os.tmpdir() : SYSTEM_STATE;
  fs.mkdirSync(parent, { recursive: true });
  return fs.mkdtempSync(path.join(parent, 'konstruct-postgres-'));
}

function existingMajor(data: string): number | undefined {
  const file = path.join(data, 'PG_VERSION');
  return fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8').trim()) : undefined;
}

/**
 * Runs initdb in a scratch directory and renames that when
 * complete, so that no interrupted initdb looks finished.
 */
async function initialise(
  context: ProvisionContext,
  binaries: PostgresBinaries,
  directory: string,
  options: PostgresOptions,
  account: Account | undefined,
): Promise<void> {
  const scratch = path.join(directory, 'data.new');
  // Not in the account's own folder, where any of its processes could put a link in the file's place.
  const passwords = fs.mkdtempSync(path.join(path.dirname(directory), 'initdb-'));
  fs.chmodSync(passwords, 0o711);
  const passwordFile = path.join(passwords, 'password');
  fs.rmSync(scratch, { recursive: true, force: true });
  fs.writeFileSync(passwordFile, options.adminPassword + '\n', { mode: 0o600, flag: 'wx' });
  if (account) fs.chownSync(passwordFile, account.uid, account.gid);
  const args = [
    '-D',
    scratch,
    '-U',
    ADMIN,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
  ];
  // Sort order and case folding must not depend on the machine's locales.
  if (binaries.major >= 17) args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C');
  else args.push('--locale=C');
  if (options.ephemeral) args.push('--no-sync');
  try {
    const { signal, env } = context;
    const result = await runCommand(binaries.initdb, args, {
      cwd: directory,
      env: serverEnv(env),
      signal,
      ...account,
    });
    if (result.code !== 0) throw new StackError(`initdb failed:\n${result.output.trimEnd()}`);
    fs.renameSync(scratch, path.join(directory, 'data'));
  } finally {
    fs.rmSync(passwords, { recursive: true, force: true });
  }
}

/** A minimal environment: PG* variables of the user's shell would change the server's defaults. */
function serverEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { PATH: env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

function serverSettings(options: PostgresOptions): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '', // TCP only: a socket's path has a length limit and needs a writable folder
    max_connections: '100',
    shared_buffers: '256MB',
    maintenance_work_mem: '256MB', // building an HNSW index is several times faster when the graph fits
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_duration_statement: '1000',
    // Parameters contain people's messages: the log gets the statements without them.
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    // A segment of the log that is used again would keep what was forgotten until it is written over.
    wal_recycle: 'off',
  };
  if (options.ephemeral) {
    Object.assign(settings, { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' });
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Creates the database if it doesn't exist. Throws while the server isn't ready. */
async function ensureDatabase(adminUrl: string, database: string): Promise<void> {
  const url = new URL(adminUrl);
  url.pathname = `/${ADMIN}`;
  const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // the server can end during the probe; the caller polls
  try {
    await client.connect();
    const found = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}
