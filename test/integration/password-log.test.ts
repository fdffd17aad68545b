/** Postgres logs the statements of errors: the passwords of the service’s roles are in none. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { startStack, type Stack } from '../../local/stack/index.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { allowServiceLogin } from '../../src/db/prepare-database.ts';
import { eventually } from '../support/eventually.ts';

let home: string;
let stack: Stack;
let superuser: pg.Client;
beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-passwords-'));
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  stack = await startStack({ home, want: ['postgres'], env, ephemeral: true, log: () => undefined });
  superuser = await connect(stack.urls.DATABASE_ADMIN_URL ?? '');
  await migrate('before');
}, 60_000);
afterAll(async () => {
  await superuser.end();
  await stack.stop();
  await rm(home, { recursive: true, force: true });
});

const connect = async (connectionString: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
};
const urlAs = (username: string, password: string): string => {
  const url = new URL(stack.urls.DATABASE_ADMIN_URL ?? '');
  return Object.assign(url, { username, password: encodeURIComponent(password) }).href;
};
const migrate = (password: string) =>
  migrateDatabase({
    databaseAdminUrl: stack.urls.DATABASE_ADMIN_URL ?? '',
    serviceUrls: [urlAs('konstruct_app', password)],
  });
const serverLog = () => readFile(path.join(home, 'logs', 'postgres.log'), 'utf8');
const canLogIn = async (password: string): Promise<void> => {
  const client = await connect(urlAs('konstruct_app', password));
  expect((await client.query('SELECT current_user AS name')).rows).toEqual([{ name: 'konstruct_app' }]);
  await client.end();
};

test('two migrations at once: one of them fails, is logged, and is repeated', async () => {
  const password = 'seen-by-two-migrations';
  const other = await connect(stack.urls.DATABASE_ADMIN_URL ?? '');
  await other.query('BEGIN');
  await allowServiceLogin(other, 'konstruct_app', 'seen-by-the-other');
  const migrated = migrate(password);
  await eventually(async () => {
    const { rowCount } = await superuser.query(
      `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER ROLE konstruct_app%'`,
    );
    return rowCount === 1;
  });
  await other.query('COMMIT');
  await migrated;
  await other.end();
  const log = await serverLog();
  expect(log).toMatch(/ERROR: {2}tuple concurrently updated\n.*STATEMENT: {2}ALTER ROLE konstruct_app/);
  for (const secret of [password, 'seen-by-the-other']) expect(log).not.toContain(secret);
  await canLogIn(password);
});

test('a migration by an administrator who may not', async () => {
  await superuser.query(`CREATE ROLE stranger LOGIN CREATEROLE PASSWORD 'p'`);
  const stranger = await connect(urlAs('stranger', 'p'));
  const refused = allowServiceLogin(stranger, 'konstruct_app', 'seen-by-a-stranger');
  await expect(refused).rejects.toThrow(/made by another administrator/);
  await stranger.end();
  const log = await serverLog();
  expect(log).toMatch(
    /ERROR: {2}permission denied to alter role\n[^]*STATEMENT: {2}ALTER ROLE konstruct_app/,
  );
  expect(log).not.toContain('seen-by-a-stranger');
});

test('a provider that wants to see passwords is given them, and no other is', async () => {
  const client = await connect(stack.urls.DATABASE_ADMIN_URL ?? '');
  const query = jest.spyOn(client, 'query');
  query.mockImplementationOnce(() => Promise.reject(new Error('disk full')));
  await expect(allowServiceLogin(client, 'konstruct_app', 'for-the-provider')).rejects.toThrow('disk full');
  expect(query).toHaveBeenCalledTimes(1);
  const refusal = 'HTTP code 400 from control plane: "Neon only supports being given plaintext passwords"';
  query.mockImplementationOnce(() => Promise.reject(new Error(refusal)));
  await allowServiceLogin(client, 'konstruct_app', 'for-the-provider');
  await client.end();
  await canLogIn('for-the-provider');
});

describe('where every statement is logged, and md5 is what passwords are kept by', () => {
  beforeAll(async () => {
    await superuser.query(`ALTER SYSTEM SET log_statement = 'ddl'`);
    await superuser.query(`ALTER SYSTEM SET password_encryption = 'md5'`);
    await superuser.query('SELECT pg_reload_conf()');
    await eventually(async () => {
      const fresh = await connect(stack.urls.DATABASE_ADMIN_URL ?? '');
      const { rows } = await fresh.query<{ log_statement: string }>('SHOW log_statement');
      await fresh.end();
      return rows[0]?.log_statement === 'ddl';
    });
  });

  test.each([
    ['of plain letters', 'plain-letters-and-digits-123'],
    ['of signs', `o'dd "signs" \\ 100% $1 {}:/?#[]@ ;--`],
    ['of other letters', 'Schlüßel-пароль-鍵'],
    ['written in two ways', 'cafe\u0301\u00A0\u2460'],
  ])('a password %s opens the door, and is not in the log', async (_, password) => {
    await migrate(password);
    await canLogIn(password);
    await expect(connect(urlAs('konstruct_app', `${password}x`))).rejects.toThrow(/authentication failed/);
    const log = await serverLog();
    expect(log).toMatch(/statement: ALTER ROLE konstruct_app LOGIN PASSWORD 'SCRAM-SHA-256\$4096:/);
    expect(log).not.toContain(password);
    expect(log).not.toContain(password.replaceAll("'", "''"));
  });
});
