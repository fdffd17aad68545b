import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createKeptFiles } from '../../src/lib/kept-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a file is in memory once, however many read it, and anew when it has changed', async () => {
  const fileNamed = createKeptFiles(folder);
  await writeFile(path.join(folder, 'page.html'), 'first');
  const [one, other] = await Promise.all([fileNamed('page.html'), fileNamed('page.html')]);
  expect(one?.bytes.toString()).toBe('first');
  expect(other?.bytes).toBe(one?.bytes);
  expect((await fileNamed('page.html'))?.bytes).toBe(one?.bytes);
  await writeFile(path.join(folder, 'page.html'), 'the second');
  const changed = await fileNamed('page.html');
  expect(changed?.bytes.toString()).toBe('the second');
  expect(changed?.tag).not.toBe(one?.tag);
  await rm(path.join(folder, 'page.html'));
  expect(await fileNamed('page.html')).toBeUndefined();
});

test('names that lead elsewhere, hidden files and folders are none', async () => {
  await mkdir(path.join(folder, 'inner'));
  await writeFile(path.join(folder, 'inner', 'file'), 'inside');
  await writeFile(path.join(folder, '.hidden'), 'hidden');
  await writeFile(path.join(folder, 'file'), 'plain');
  const [inInner, inFolder] = [createKeptFiles(path.join(folder, 'inner')), createKeptFiles(folder)];
  for (const name of ['../file', '..', '.', '', './file', '..\\file', 'file\0']) {
    expect([name, await inInner(name)]).toEqual([name, undefined]);
  }
  for (const name of ['.hidden', 'inner', 'inner/file']) {
    expect([name, await inFolder(name)]).toEqual([name, undefined]);
  }
});
