/** A Python environment with packages, kept in the user's cache. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Installing is bounded: whoever has no registry is not to wait for one. */
const INSTALLED_WITHIN_MS = 150_000;

/** The interpreter of an environment with these packages, or why there is none. */
export async function pythonWith(packages: readonly string[]): Promise<{ python: string } | { why: string }> {
  const name = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 12);
  const folder = path.join(
    process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'),
    'konstruct',
    `python-${name}`,
  );
  const python = path.join(folder, 'bin', 'python');
  if (existsSync(python)) return { python };
  const made = `${folder}.${process.pid}`;
  const deadline = AbortSignal.timeout(INSTALLED_WITHIN_MS);
  try {
    await mkdir(path.dirname(folder), { recursive: true });
    await run('python3', ['-m', 'venv', made], { signal: deadline });
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
    await run(path.join(made, 'bin', 'python'), args, { signal: deadline });
    // Whole or not at all: an environment may be moved as long as only its interpreter is called.
    await rename(made, folder);
    return { python };
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    if (existsSync(python)) return { python };
    return { why: Error.isError(error) ? (error.message.split('\n', 1)[0] ?? '') : String(error) };
  }
}
