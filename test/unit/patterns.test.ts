/**
 * No pattern tries each way of reading a text that repeats itself: with such a one sixty characters take a
 * process for hours. Each is given what it is made of, over and over.
 */
import { glob, readFile } from 'node:fs/promises';
import vm from 'node:vm';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { LANGUAGES } from '../../src/memory/text/languages.ts';
import { timeParser } from '../../src/memory/text/time-parsers.ts';

/** What is linear, or nearly so, takes some milliseconds of it. */
const WITHIN_MS = 4_000;
const LENGTH = 600;

/** Ends the work when it takes too long: a pattern can be interrupted by that alone. */
function isDone(work: () => void): boolean {
  try {
    new vm.Script('work()').runInContext(vm.createContext({ work }), { timeout: WITHIN_MS });
    return true;
  } catch (error) {
    // An error of Node's own realm, not of jest's.
    if (String(error).includes('timed out')) return false;
    throw error;
  }
}

/** Signs that classes of a pattern stand for. */
const OF_CLASSES = [' ', '1', 'a', 'é', '\n', '\\', '!'];

/** The texts that a pattern's source has: words, runs of signs, and each sign. */
function madeOf(source: string): string[] {
  const plain = source.replace(/\\[pP]\{[^}]*\}|\\u\{?[\da-f]+\}?|\\x[\da-f]{2}/gi, ' ');
  const said = plain.replace(/\\([^\w\s])/g, (_, sign: string) => sign).replace(/\\\w/g, ' ');
  const runs = said.match(/[\p{L}\p{M}\d]+|[^\p{L}\p{M}\d\s()|]{1,3}/gu) ?? [];
  return [...new Set([...runs, ...runs.flatMap((run) => (/\p{L}/u.test(run) ? [] : [...run]))])];
}

function* textsFor(source: string): Generator<string> {
  const parts = madeOf(source);
  const signs = [...new Set([...OF_CLASSES, ...parts])].slice(0, 40);
  const units = [...signs, ...signs.slice(0, 12).flatMap((a) => signs.slice(0, 12).map((b) => a + b))];
  const heads = parts.slice(0, 12);
  for (const head of ['', ...heads, ...heads.slice(1).map((head, i) => `${heads[i]}${head}`)])
    for (const unit of units) yield `${head}${unit.repeat(LENGTH / unit.length)}\u0001`;
}

async function patternsOf(file: string): Promise<RegExp[]> {
  const source = ts.createSourceFile(file, await readFile(file, 'utf8'), ts.ScriptTarget.Latest);
  const found: RegExp[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const [, pattern = '', flags = ''] = /^\/(.*)\/(\w*)$/s.exec(node.text) ?? [];
      found.push(new RegExp(pattern, flags));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

test('the texts find a pattern that tries each way', () => {
  const slow = /^x\[\^(?:[^[\]\\\s]|\\[[\]\\]?){1,999}\]:/;
  expect(
    isDone(() => {
      for (const text of textsFor(slow.source)) slow.exec(text);
    }),
  ).toBe(false);
});

test('no pattern of ours does', async () => {
  const files = await Array.fromAsync(glob('src/**/*.{ts,mjs}'));
  const slow: string[] = [];
  let count = 0;
  for (const file of files)
    for (const pattern of await patternsOf(file)) {
      count += 1;
      const done = isDone(() => {
        for (const text of textsFor(pattern.source)) text.match(pattern);
      });
      if (!done) slow.push(`${file}: ${pattern.source}`);
    }
  expect(slow).toEqual([]);
  expect(count).toBeGreaterThan(300);
}, 120_000);

test.each(LANGUAGES)('no parser of times in the language %s does', (language) => {
  const parser = timeParser(language);
  const at = new Date('2026-01-01T12:00:00Z');
  const context = parser.parse('now', at) && { reference: { instant: at }, option: {} };
  const sources = parser.parsers.map((one) => one.pattern(context as never).source);
  const words = new Set(sources.flatMap((source) => madeOf(source).filter((part) => /\p{L}/u.test(part))));
  expect(words.size).toBeGreaterThan(10);
  const isRead = isDone(() => {
    for (const word of words)
      for (const unit of [`${word} `, `1 ${word} `, word])
        parser.parse(unit.repeat(LENGTH / unit.length), at);
  });
  expect(isRead).toBe(true);
});
