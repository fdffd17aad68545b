/** Programs of the distribution: installed where that is allowed, else a line says what helps. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { findProgram, provideAll, type Program } from '../../local/stack/distribution.ts';

let folder: string;
let logged: string[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-distribution-'));
  await mkdir(path.join(folder, 'bin'));
  logged = [];
});
afterEach(() => rm(folder, { recursive: true }));

const programOf = (name: string): Program => ({
  title: `The ${name}`,
  commands: [name],
  folders: [path.join(folder, 'sbin')],
  package: `${name}-package`,
});
const context = () => ({
  env: { PATH: `${path.join(folder, 'bin')}:/usr/bin:/bin`, SECRET: 'of another program' },
  log: (line: string) => void logged.push(line),
  signal: new AbortController().signal,
});

async function script(name: string, body: string): Promise<void> {
  const file = path.join(folder, 'bin', name);
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o755);
}
/** An apt-get that writes down what it is asked, and installs what is no `broken-package`. */
const aptGet = () =>
  script(
    'apt-get',
    `echo "$DEBIAN_FRONTEND $RUNLEVEL $SECRET:" "$@" >> ${folder}/asked
    for last; do :; done
    case $last in
      broken-package) echo 'E: Unable to locate package broken-package' >&2; exit 100;;
      *-package) mkdir -p ${folder}/sbin; cp ${folder}/bin/apt-get ${folder}/sbin/"\${last%-package}";;
    esac`,
  );
const asked = async () => (await readFile(path.join(folder, 'asked'), 'utf8')).trim().split('\n');

test('root on a Debian: what is missing is installed, after one update, and what is there is left alone', async () => {
  await aptGet();
  await script('present', 'true');
  const programs = ['first', 'present', 'second'].map(programOf);
  expect(await provideAll(context(), programs, true)).toEqual(new Map());
  const calls = (await asked()).map((line) => line.replace(/ -o \S+/g, ''));
  expect(calls).toEqual([
    'noninteractive 1 : -qq update',
    'noninteractive 1 : -qq install --yes --no-install-recommends first-package',
    'noninteractive 1 : -qq install --yes --no-install-recommends second-package',
  ]);
  expect(programs.map((program) => findProgram(program, context().env))).toEqual([
    path.join(folder, 'sbin/first'),
    path.join(folder, 'bin/present'),
    path.join(folder, 'sbin/second'),
  ]);
  expect(logged[0]).toBe('  installing The first …');
});

test('what can not be installed is told in one line, and the next one is installed all the same', async () => {
  await aptGet();
  const [broken, other] = [programOf('broken'), programOf('other')];
  expect(await provideAll(context(), [broken, other], true)).toEqual(
    new Map([
      [
        broken,
        'The broken is missing: E: Unable to locate package broken-package (apt-get install broken-package)',
      ],
    ]),
  );
  expect(findProgram(other, context().env)).toBeDefined();
});

test('nobody but root installs, and nothing on other systems', async () => {
  const wanted = programOf('wanted');
  await aptGet();
  const lineOf = async (isRoot: boolean, PATH = context().env.PATH) =>
    (await provideAll({ ...context(), env: { PATH } }, [wanted], isRoot)).get(wanted);
  expect(await lineOf(false)).toBe(
    'The wanted is missing: only root may install it (apt-get install wanted-package)',
  );
  expect(await lineOf(true, folder)).toBe(
    'The wanted is missing: this is no Debian (apt-get install wanted-package)',
  );
  await expect(asked()).rejects.toThrow('ENOENT');
  expect(logged).toEqual([]);
});
