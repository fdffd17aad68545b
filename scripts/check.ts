/** `npm run check`: all that must hold before a commit. `--static` leaves out the tests. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
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

const STEPS: ReadonlyArray<readonly [string, string, ...string[]]> = [
  ['types of the API', path.join(root, 'scripts', 'console-types.ts')],
  ['format', command('prettier'), '--check', '--log-level', 'warn', '.'],
  ['types', command('typescript', 'tsc'), '-p', '.'],
  ['types of the console', command('typescript', 'tsc'), '-p', 'console'],
  ['lint', command('eslint'), '--max-warnings', '0', '.'],
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

const steps = process.argv.includes('--static')
  ? STEPS
  : [...STEPS, ['tests', path.join(root, 'scripts', 'test.ts')] as const];

for (const [name, file, ...args] of steps) {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, [file, ...args], { cwd: root, stdio: 'inherit' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? '✓' : '✗'} ${name} (${seconds} s)`);
  if (status !== 0) process.exit(status ?? 1);
}
