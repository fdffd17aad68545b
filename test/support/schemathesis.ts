/** PyPI's schemathesis, which tries out an API by its description. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { plainEnvironment } from '../../local/stack/plain-environment.mjs';
import { cachedFolder } from '../../local/stack/provision.ts';
import { lastLine, runCommand, type CommandResult } from '../../local/stack/run-command.ts';

const FOLDER = fileURLToPath(new URL('./schemathesis/', import.meta.url));
const REQUIREMENTS = path.join(FOLDER, 'requirements.txt');
const START = 'from schemathesis.cli import schemathesis; schemathesis()';

/** Runs it with the settings of schemathesis/schemathesis.toml; `output` holds the end of what it says. */
export type Schemathesis = (
  args: readonly string[],
  options: { env: Record<string, string>; timeoutMs: number },
) => Promise<CommandResult>;

/**
 * Installed into the cache when it isn't there, in the versions of requirements.txt. A text says why it can't
 * be: without Python, pip or a package index.
 */
export async function installSchemathesis(): Promise<Schemathesis | string> {
  const env = plainEnvironment(process.env, (name) => name.startsWith('PIP_'));
  const python = await runCommand('python3', ['-c', 'import sys; print(sys.version, sys.platform)'], { env });
  if (python.code !== 0) return 'there is no python3';
  // What is compiled fits one version of Python.
  const versions = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .update(python.output);
  const name = `schemathesis-${versions.digest('hex').slice(0, 16)}`;
  const signal = new AbortController().signal;
  const install = async (target: string): Promise<void> => {
    const options = ['--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--quiet'];
    const { code, output } = await runCommand(
      'python3',
      ['-m', 'pip', 'install', ...options, '--target', target, '-r', REQUIREMENTS],
      { env: { ...env, PIP_USER: '0', PIP_ROOT_USER_ACTION: 'ignore' }, timeoutMs: 300_000 },
    );
    if (code !== 0) throw new Error(lastLine(output) || 'pip was ended');
  };
  let folder: string;
  try {
    folder = await cachedFolder({ env: process.env, log: () => undefined, signal }, name, install);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return async (args, options) => {
    // It keeps what it has found in the folder where it runs, and would begin with that the next time.
    const cwd = await mkdtemp(path.join(os.tmpdir(), 'konstruct-schemathesis-'));
    const PYTHONPATH = [folder, FOLDER].join(path.delimiter);
    const config = ['--config-file', path.join(FOLDER, 'schemathesis.toml')];
    const run = await runCommand('python3', ['-c', START, ...config, ...args], {
      cwd,
      env: { ...env, PYTHONPATH, PYTHONDONTWRITEBYTECODE: '1', ...options.env },
      timeoutMs: options.timeoutMs,
    });
    await rm(cwd, { recursive: true });
    return run;
  };
}
