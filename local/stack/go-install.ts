import fs from 'node:fs';
import path from 'node:path';
import { findOnPath } from './paths.ts';
import { plainEnvironment } from './plain-environment.mjs';
import { cachedFolder, type ProvisionContext } from './provision.ts';
import { StackError, step } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';

/** A program whose makers publish a Go module and no package that this machine's clients know. */
export type GoProgram = {
  /** Shown while it is built. */
  title: string;
  /** With the version in it: of the folder in the cache. */
  name: string;
  /** The commands of a module, with its version, by the names that `go install` gives the files. */
  commands: Readonly<Record<string, string>>;
};

/**
 * The folder with a program's files, which are built on first use. The module's own checksums say that it is
 * what it was.
 * @throws StackError with `instead` (what to install or set) when there is no Go, or the build fails.
 */
export async function goFolder(
  context: ProvisionContext,
  program: GoProgram,
  instead: string,
): Promise<string> {
  const { title, name } = program;
  return cachedFolder(context, name, (scratch) =>
    step(context.log, `building ${title} (several minutes, once)`, () =>
      build(context, program, scratch, instead),
    ),
  );
}

async function build(
  context: ProvisionContext,
  { title, commands }: GoProgram,
  target: string,
  instead: string,
): Promise<void> {
  const [go] = findOnPath(['go'], context.env, ['/usr/local/go/bin']);
  if (!go) throw new StackError(`${title} can't be built without Go: ${instead}`);
  const env = {
    ...plainEnvironment(context.env, (variable) => /^(GO\w+|CGO_ENABLED)$/.test(variable)),
    // The shell's own flags may be for another module (`-mod=vendor`).
    GOFLAGS: '-mod=mod',
    GOBIN: target,
  };
  for (const [file, command] of Object.entries(commands)) {
    // Without the symbols for a debugger, which are a third of its size.
    const args = ['install', '-ldflags=-s -w', command];
    const result = await runCommand(go, args, { env, cwd: target, signal: context.signal });
    if (result.code !== 0)
      throw new StackError(`${title} can't be built: ${instead} (${lastLine(result.output)})`);
    if (!fs.existsSync(path.join(target, file))) throw new StackError(`go install has left no ${file}`);
  }
}
