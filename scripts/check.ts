/** `npm run check`: all that must hold before a commit. `--static` leaves out the tests. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** The file that a package's command runs. Commands start with this very Node, not with the machine's. */
function command(packageName: string, name = packageName): string {
  const manifestPath = path.join(root, 'node_modules', packageName, 'package.json');
  const { bin } = require(manifestPath) as { bin: string | Record<string, string> };
  const relative = typeof bin === 'string' ? bin : bin[name];
  if (!relative) throw new Error(`${packageName} has no command ${name}`);
  return path.join(path.dirname(manifestPath), relative);
}

/** A check's name, the file that runs it, and that one's arguments. */
type Step = readonly [string, string, ...string[]];

const STEPS: readonly Step[] = [
  ['types of the API', path.join(root, 'scripts', 'console-types.ts')],
  // The longest is first.
  ['lint', command('eslint'), '--max-warnings', '0', '.'],
  ['format', command('prettier'), '--check', '--log-level', 'warn', '.'],
  ['types', command('typescript', 'tsc'), '-p', '.'],
  ['types of the console', command('typescript', 'tsc'), '-p', 'console'],
  [
    'imports',
    command('dependency-cruiser', 'depcruise'),
    '--config',
    '.dependency-cruiser.mjs',
    'src',
    'local',
    'cli',
    'bench',
    'console/src',
  ],
  ['dead code', command('knip')],
  ['docs', path.join(root, 'scripts', 'check-docs.ts')],
  ['configuration', path.join(root, 'scripts', 'configuration.ts'), '--check'],
  ['previews', path.join(root, 'scripts', 'slack-previews.ts'), '--check'],
];

const started = performance.now();
const [first, ...others] = STEPS;
// It makes what the others read.
if (first) await run(first);
// Each is one thread's work.
const waiting = others.values();
await Promise.all(Array.from({ length: os.availableParallelism() }, runThose));
if (!process.argv.includes('--static')) await run(['tests', path.join(root, 'scripts', 'test.ts')]);
console.log(`✓ all in ${secondsSince(started)} s`);

async function runThose(): Promise<void> {
  for (const step of waiting) await run(step);
}

/** Runs a step, and shows what it says when it ends; the tests say it at once. One that fails ends all. */
async function run([name, file, ...args]: Step): Promise<void> {
  const begun = performance.now();
  const output = name === 'tests' ? 'inherit' : 'pipe';
  const child = spawn(process.execPath, [file, ...args], { cwd: root, stdio: ['ignore', output, output] });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => said.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  process.stdout.write(Buffer.concat(said));
  console.log(`${code === 0 ? '✓' : '✗'} ${name} (${secondsSince(begun)} s)`);
  if (code !== 0) process.exit(code ?? 1);
}

function secondsSince(from: number): string {
  return ((performance.now() - from) / 1_000).toFixed(1);
}
