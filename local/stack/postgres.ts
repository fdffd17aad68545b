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
const APP_ROLE = 'konstruct_app';
/** Names the directory that holds the data when it can't be the home; kept in the home. */
const ELSEWHERE_FILE = 'postgres-directory';
const SYSTEM_STATE = '/var/lib/konstruct';

/** Options of `postgresService`. */
export type PostgresOptions = {
  home: string;
  port: number;
  adminPassword: string;
  appPassword: string;
  ephemeral: boolean;
};

/** A Postgres server's process and its addresses. `directory` holds its data. */
export type PostgresService = { spec: ProcessSpec; adminUrl: string; appUrl: string; directory: string };

/** The Postgres to run, its data directory made if there is none yet. */
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
      `${data} was made by PostgreSQL ${major}: install that version with pgvector, or remove the directory to start afresh`,
    );
  }
  if (major === undefined) await initialise(context, binaries, directory, options, account);
  const urlFor = (user: string, password: string): string =>
    `postgres://${user}:${password}@127.0.0.1:${options.port}/${DATABASE}`;
  const adminUrl = urlFor(ADMIN, options.adminPassword);
  const spec: ProcessSpec = {
    name: 'postgres',
    file: binaries.postgres,
    args: ['-D', data, ...serverSettings(options)],
    env: serverEnv(context.env),
    cwd: directory,
    ...account,
    stopSignal: 'SIGINT', // fast shutdown: open connections are ended, not waited for
    stopStage: 4,
    ready: async () => {
      await ensureDatabase(adminUrl);
      return true;
    },
  };
  return { spec, adminUrl, appUrl: urlFor(APP_ROLE, options.appPassword), directory };
}

/** `<home>/postgres`, unless we are root and the account that runs Postgres can't get there. */
function chooseDirectory(
  context: ProvisionContext,
  options: PostgresOptions,
  account: Account | undefined,
): string {
  const usual = path.join(options.home, 'postgres');
  const note = path.join(options.home, ELSEWHERE_FILE);
  let directory = usual;
  if (account && !isTraversable(options.home, account)) {
    const noted = fs.existsSync(note) ? fs.readFileSync(note, 'utf8').trim() : '';
    directory = noted !== '' && fs.existsSync(noted) ? noted : makeElsewhere(options.ephemeral);
    fs.writeFileSync(note, directory + '\n', { mode: 0o600 });
    context.log(
      `  as root, Postgres runs as nobody, which can't reach ${options.home}: its data is in ${directory}`,
    );
  }
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (account) fs.chownSync(directory, account.uid, account.gid);
  return directory;
}

function makeElsewhere(ephemeral: boolean): string {
  const parent = ephemeral ? os.tmpdir() : SYSTEM_STATE;
  fs.mkdirSync(parent, { recursive: true });
  return fs.mkdtempSync(path.join(parent, 'konstruct-postgres-'));
}

function existingMajor(data: string): number | undefined {
  const file = path.join(data, 'PG_VERSION');
  return fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8').trim()) : undefined;
}

/** Runs initdb into a scratch directory that is renamed when complete: an interrupted one is not taken for a database. */
async function initialise(
  context: ProvisionContext,
  binaries: PostgresBinaries,
  directory: string,
  options: PostgresOptions,
  account: Account | undefined,
): Promise<void> {
  const scratch = path.join(directory, 'data.new');
  const passwordFile = path.join(directory, 'password');
  fs.rmSync(scratch, { recursive: true, force: true });
  fs.writeFileSync(passwordFile, options.adminPassword + '\n', { mode: 0o600 });
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
  // Sorts and folds case the same everywhere, whatever locales the machine has.
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
    fs.rmSync(passwordFile, { force: true });
  }
}

/** Only what a server needs: PG* of the user's shell would change its defaults. */
function serverEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { PATH: env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

function serverSettings(options: PostgresOptions): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '', // reached over TCP only, so that no path's length or owner matters
    max_connections: '100',
    shared_buffers: '256MB',
    maintenance_work_mem: '256MB', // an HNSW index that fits is built several times faster
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_duration_statement: '1000',
    // Statements hold what people said; the log gets their shape, never their values.
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
  };
  if (options.ephemeral) {
    Object.assign(settings, { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' });
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Creates the database if it is absent; throws while the server isn't ready. */
async function ensureDatabase(adminUrl: string): Promise<void> {
  const url = new URL(adminUrl);
  url.pathname = `/${ADMIN}`;
  const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // a server that dies under the probe; the caller polls
  try {
    await client.connect();
    const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}
