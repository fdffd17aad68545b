/** A migration that needs a table which somebody reads keeps no message waiting behind it. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/services.ts';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-migrations-'));
  await cp(fileURLToPath(new URL('../../migrations', import.meta.url)), folder, { recursive: true });
  const add = (number: number, statement: string) =>
    writeFile(path.join(folder, `${number}_of_a_test.sql`), `-- Up Migration\n${statement};\n`);
  await add(9001, 'CREATE TABLE first_of_test ()');
  await add(9002, 'ALTER TABLE turns ADD COLUMN of_a_test integer');
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const migrate = (log: string[], givesUpAfterMs: number) =>
  migrateDatabase({
    databaseAdminUrl: Object.assign(new URL(process.env['DATABASE_ADMIN_URL'] ?? ''), {
      pathname: new URL(database.url).pathname,
    }).href,
    serviceUrls: [database.url],
    folder,
    patience: { lockWithinMs: 100, againAfterMs: 200, givesUpAfterMs },
    log: (line) => log.push(line),
  });

/** Reads the ledger in a transaction that stays open, as a dump does. */
async function readLedger() {
  const client = await database.admin.connect();
  await client.query(`SET application_name = 'pg_dump'; BEGIN; SELECT 1 FROM turns LIMIT 1`);
  return async () => {
    await client.query('COMMIT');
    client.release();
  };
}

test('it gives up in the end and says who reads, and what to do; what came before it stays', async () => {
  const end = await readLedger();
  const log: string[] = [];
  await expect(migrate(log, 600)).rejects.toThrow(
    /in use, by PID \d+ \(pg_dump, as \w+, since [\d:]+ UTC\): wait .* pg_terminate_backend\(PID\)/,
  );
  await end();
  expect(log).toEqual([
    'applied 9001_of_a_test',
    expect.stringMatching(/^waits for a table that is in use, by PID \d+ \(pg_dump/),
  ]);
});

test('it comes again until nobody reads, and what reads and writes meanwhile passes by', async () => {
  const end = await readLedger();
  const log: string[] = [];
  const migrated = migrate(log, 60_000);
  await eventually(() => log.length === 1);
  // As a message does, with the two seconds that it has.
  const write = `SET statement_timeout = 2000; UPDATE turns SET state = state WHERE false`;
  for (let i = 0; i < 20; i += 1) await database.admin.query(write);
  await end();
  await migrated;
  expect(log.slice(1)).toEqual(['applied 9002_of_a_test']);
  await database.admin.query('SELECT of_a_test FROM turns');
});
