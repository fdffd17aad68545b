/**
 * `npm test [-- jest arguments]`: a throw-away stack on free ports, a migrated template, jest. It runs every
 * test but those that take longest.
 * `npm run test:slow` (`--slow`): those.
 * `npm run test:cluster` (`--cluster`): the same with Temporal's own server, for the tests of that tier.
 * Whatever is named runs, of any tier.
 *
 * Chromium and PgBouncer are installed where that is allowed. Where it isn't, the tests that need them are
 * left out, and a line at the end says so.
 *
 * Files run three at a time, and some load a machine fully. So a file that fails runs once more alone, and
 * the second run is what counts; it says so. Many failures at once have another cause, and count as they are.
 */
import { spawn } from 'node:child_process';
import { glob, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { migrateDatabase } from '../src/db/migrate.ts';
import { prepareNamespace } from '../src/temporal/namespace.ts';
import { workflowBundle } from '../src/worker/workflow-bundle.ts';
import { testNamespace } from '../test/support/test-namespace.ts';
import { WORKER_FLAGS } from '../local/stack/applications.ts';
import { CHROMIUM, PGBOUNCER, provideAll, type Program } from '../local/stack/distribution.ts';
import { StackError, startStack, type StackHandle } from '../local/stack/index.ts';
import { serviceUrlsOf } from '../local/stack/service-urls.ts';
import { runUntilStopped } from '../local/stack/run-until-stopped.ts';
import { withoutSettings } from '../local/stack/without-settings.ts';

const TESTS = fileURLToPath(new URL('../test/', import.meta.url));
const TEMPLATE_DATABASE = 'konstruct_template';
const MOST_FILES_RUN_AGAIN = 8;
const CLUSTER_ONLY = 'cluster/';
/** What Konstruct promises, shown on the server that production has. */
const CLUSTER_TIER = [
  CLUSTER_ONLY,
  'e2e/chaos',
  'e2e/encryption',
  'e2e/idempotency',
  'e2e/remembers',
  'e2e/shutdown',
  'integration/api.',
  'integration/forget',
  'integration/temporal-',
  'integration/turn-ends',
  'workflows/',
];
/**
 * What takes longest, so that all else can be run before every commit: floods, growth, releases, pages in a
 * browser, and the clients of others.
 */
const SLOW_TIER = [
  'e2e/api-description',
  'e2e/clients',
  'e2e/console-access',
  'e2e/console.',
  'e2e/many-processes',
  'e2e/operators',
  'e2e/rolling-release',
  'integration/abuse',
  'integration/api-faults',
  'integration/burst',
  'integration/fair-shares',
  'integration/long-texts',
  'integration/memory-transfer-forget',
  'unit/growth',
  'unit/slack-growth',
  'unit/slack-hostile-replies',
];
/** What is no package of npm, and the tests that are left out without it. */
const PROGRAMS: ReadonlyArray<{ program: Program; files: string; what: string }> = [
  { program: CHROMIUM, files: 'e2e/console', what: 'the tests of the console' },
  { program: PGBOUNCER, files: 'integration/managed-postgres', what: 'a test of managed databases' },
];
const argv = process.argv.slice(2);
const cluster = argv.includes('--cluster');
const slow = argv.includes('--slow');
const args = argv.filter((arg) => arg !== '--cluster' && arg !== '--slow');
/** Options of jest that are followed by a value, which names no file. */
const WITH_VALUE = ['-t', '--testNamePattern'];
const named = args.filter((arg, i) => !arg.startsWith('-') && !WITH_VALUE.includes(args[i - 1] ?? ''));

await runUntilStopped(
  async (onHandle) => {
    const files = await wantedFiles();
    const leftOut = await provideForTests(files, onHandle);
    const options = args.filter((arg) => !named.includes(arg));
    const paths = files.map((file) => path.join('test', file));
    const { code, failed } = await runOnStack([...options, '--runTestsByPath', ...paths], onHandle);
    let verdict = code;
    if (failed.length > 0 && failed.length <= MOST_FILES_RUN_AGAIN) {
      console.log(`\nonce more, alone: ${failed.join(' ')}`);
      const again = await runOnStack(['--runInBand', '--runTestsByPath', ...failed], onHandle);
      verdict = again.code;
      if (verdict === 0) console.log(`passed only alone, which is a fault to look into: ${failed.join(' ')}`);
    }
    for (const line of leftOut) console.log(line);
    process.exit(verdict);
  },
  { stopIsSuccess: false },
);

/** Jest's exit code, and the files that have failed: paths from the project's root. */
type Outcome = { code: number; failed: string[] };

/** Runs jest on a stack of its own. */
async function runOnStack(
  jestArgs: readonly string[],
  onHandle: (handle: StackHandle) => void,
): Promise<Outcome> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-test-'));
  const namespaces = jestArgs.filter((arg) => arg.endsWith('.test.ts')).map(testNamespace);
  // Whatever the shell has set for a running Konstruct must not leak into tests.
  const env = withoutSettings(process.env);
  const stack = await startStack({
    home,
    ephemeral: true,
    cluster,
    want: ['postgres', 'redis', 'temporal', 'model'],
    namespaces,
    env,
    onHandle,
  });
  const { DATABASE_ADMIN_URL: adminUrl, TEMPORAL_ADDRESS: address } = stack.urls;
  if (!adminUrl || !address) throw new Error('the test stack has come up without its URLs');
  await makeTemplate(adminUrl, serviceUrlsOf(stack.urls));
  await Promise.all(namespaces.map((namespace) => prepareNamespace({ address, namespace })));
  await workflowBundle();
  const report = path.join(home, 'report.json');
  const jestEnv = {
    ...env,
    ...stack.urls,
    KONSTRUCT_TEST_TEMPLATE: TEMPLATE_DATABASE,
    ...(cluster && { KONSTRUCT_TEST_CLUSTER: '1' }),
  };
  const code = await runJest([...jestArgs, '--json', '--outputFile', report], jestEnv);
  const failed = code === 0 ? [] : await failedFiles(report);
  await stack.stop();
  await rm(home, { recursive: true, force: true });
  return { code, failed };
}

/** The test files of this run, from `test/` on: those that are named, or those of the tier. */
async function wantedFiles(): Promise<string[]> {
  const startsIn = (tier: readonly string[], file: string) => tier.some((start) => file.startsWith(start));
  const isWanted = (file: string): boolean => {
    if (named.length > 0) return named.some((name) => new RegExp(name).test(`test/${file}`));
    if (cluster) return startsIn(CLUSTER_TIER, file);
    return startsIn(SLOW_TIER, file) === slow;
  };
  const isThere = (file: string): boolean => cluster || !file.startsWith(CLUSTER_ONLY);
  const all = await Array.fromAsync(glob('**/*.test.ts', { cwd: TESTS }));
  const files = all.filter((file) => isThere(file) && isWanted(file)).toSorted();
  if (files.length === 0) throw new StackError(`no test file is named ${named.join(' or ')}`);
  return files;
}

/** Installs what the tests that run need, where it may. Resolves with a line for each that is left out. */
async function provideForTests(
  wanted: readonly string[],
  onHandle: (handle: StackHandle) => void,
): Promise<string[]> {
  const needed = PROGRAMS.filter(({ files }) => wanted.some((file) => file.startsWith(files)));
  const stopping = new AbortController();
  const kill = () => stopping.abort();
  onHandle({ stop: async () => kill(), kill });
  const context = { env: process.env, log: console.log, signal: stopping.signal };
  const lacking = await provideAll(
    context,
    needed.map(({ program }) => program),
  );
  return needed.flatMap(({ program, what }) => {
    const why = lacking.get(program);
    return why === undefined ? [] : [`left out: ${what}. ${why}`];
  });
}

/** The database that every test file gets a copy of. */
async function makeTemplate(adminUrl: string, serviceUrls: readonly string[]): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
  await admin.end();
  const inTemplate = (url: string) => Object.assign(new URL(url), { pathname: `/${TEMPLATE_DATABASE}` }).href;
  await migrateDatabase({ databaseAdminUrl: inTemplate(adminUrl), serviceUrls: serviceUrls.map(inTemplate) });
}

/** Empty when jest has ended before its report. */
async function failedFiles(report: string): Promise<string[]> {
  const text = await readFile(report, 'utf8').catch(() => '{"testResults":[]}');
  const { testResults } = JSON.parse(text) as { testResults: Array<{ name: string; status: string }> };
  const failed = testResults.filter(({ status }) => status === 'failed');
  return failed.map(({ name }) => path.relative(process.cwd(), name));
}

function runJest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
  // Workflows run in the tests as they do in a worker.
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', ...WORKER_FLAGS];
  const child = spawn(process.execPath, [...flags, jest, ...args], {
    stdio: 'inherit',
    env,
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
