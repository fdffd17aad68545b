/** The console's page: built from the folder `console` when its sources have changed. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { glob, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { StackError } from './stack/report.ts';
import { withoutSettings } from './stack/without-settings.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const VITE = path.join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
const DIST = path.join(ROOT, 'console', 'dist');
/** In what was built: what it was built of. */
const STAMP = '.built-of';

/**
 * Builds the page, unless the one that is there is of the same sources. Takes some two seconds. It is built
 * beside the old one, which is then moved away for it: an API that serves the folder has a whole page or, for
 * the moment between the two moves, none. Of two builds at a time the later one finds the work done.
 */
export async function buildConsole(): Promise<void> {
  const sources = await hashOfSources();
  if (await isBuiltOf(sources)) return;
  const made = `${DIST}-${process.pid}`;
  const old = `${made}-old`;
  try {
    await runVite(made);
    await writeFile(path.join(made, STAMP), sources);
    if (await isBuiltOf(sources)) return;
    await rename(DIST, old).catch(ifThere);
    await rename(made, DIST).catch(async (error: unknown) => {
      if (!(await isBuiltOf(sources))) throw error;
    });
  } finally {
    await Promise.all([made, old].map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

/** The first page has none before it. */
function ifThere(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

async function isBuiltOf(sources: string): Promise<boolean> {
  return (await readFile(path.join(DIST, STAMP), 'utf8').catch(() => '')) === sources;
}

async function runVite(outDir: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [VITE, 'build', 'console', '--logLevel', 'warn', '--outDir', outDir],
    {
      cwd: ROOT,
      // Vite and what it builds read the environment: under jest it says that this is a test.
      env: { ...withoutSettings(process.env), NODE_ENV: 'production' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new StackError(`the console could not be built: ${output.trim()}`);
}

/** Of every file that the page is made of; the lock stands for the packages. */
async function hashOfSources(): Promise<string> {
  const own = await Array.fromAsync(
    glob('console/{index.html,vite.config.ts,tsconfig.json,public/**,src/**}', {
      cwd: ROOT,
      withFileTypes: true,
    }),
  );
  const files = own
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.gen.ts'))
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)));
  const hash = createHash('sha256');
  for (const file of ['package-lock.json', ...files.sort()]) {
    hash.update(`${file}\0`).update(await readFile(path.join(ROOT, file)));
  }
  return hash.digest('hex');
}
