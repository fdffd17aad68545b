/** Programs of the distribution, which no package of npm or pip brings. */
import { findOnPath } from './paths.ts';
import { plainEnvironment } from './plain-environment.mjs';
import type { ProvisionContext } from './provision.ts';
import { StackError, reasonOf, step } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';

export type Program = {
  title: string;
  /** Its commands, the first choice first. */
  commands: readonly string[];
  /** Where it lies besides on PATH. */
  folders: readonly string[];
  /** Debian's name of it. */
  package: string;
};

export const CHROMIUM: Program = {
  title: 'Chromium',
  commands: ['chromium', 'chromium-browser', 'google-chrome'],
  folders: ['/usr/bin'],
  package: 'chromium',
};
export const PGBOUNCER: Program = {
  title: 'PgBouncer',
  commands: ['pgbouncer'],
  folders: ['/usr/sbin'],
  package: 'pgbouncer',
};

/** Where a program is; undefined where it is not installed. */
export function findProgram({ commands, folders }: Program, env: NodeJS.ProcessEnv): string | undefined {
  return findOnPath(commands, env, folders)[0];
}

const WITHIN_MS = 600_000;
/** Another one may be installing; a registry that can't be reached is soon given up. */
const OPTIONS = ['-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::http::Timeout=30'];

/**
 * Installs those of `programs` that are missing, where that is allowed: as root, on a Debian. Resolves with
 * why, in one line, for each that is still missing; never rejects.
 */
export async function provideAll(
  context: ProvisionContext,
  programs: readonly Program[],
  isRoot = process.getuid?.() === 0,
): Promise<Map<Program, string>> {
  const lacking = new Map<Program, string>();
  const [aptGet] = findOnPath(['apt-get'], context.env);
  let updating: Promise<void> | undefined;
  const install = async (program: Program): Promise<void> => {
    if (!isRoot) throw new StackError('only root may install it');
    if (aptGet === undefined) throw new StackError('this is no Debian');
    await step(context.log, `installing ${program.title}`, async () => {
      updating ??= run(context, aptGet, ['update']);
      await updating;
      await run(context, aptGet, ['install', '--yes', '--no-install-recommends', program.package]);
    });
  };
  for (const program of programs) {
    if (findProgram(program, context.env) !== undefined) continue;
    await install(program).catch((error: unknown) => {
      const how = `apt-get install ${program.package}`;
      lacking.set(program, `${program.title} is missing: ${reasonOf(error)} (${how})`);
    });
  }
  return lacking;
}

async function run(context: ProvisionContext, aptGet: string, args: readonly string[]): Promise<void> {
  const { code, output } = await runCommand(aptGet, [...OPTIONS, ...args], {
    // A service that comes with a package need not run: none is started in this runlevel.
    env: { ...plainEnvironment(context.env), DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    timeoutMs: WITHIN_MS,
    signal: context.signal,
  });
  if (code !== 0) throw new StackError(lastLine(output) || `apt-get ${args.join(' ')} has failed`);
}
