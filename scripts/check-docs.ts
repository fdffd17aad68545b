/** A step of `npm run check`: no page is too wide, no link is dead, nothing cites a page that isn't here. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAX_WIDTH = 110;
const SKIPPED = new Set(['node_modules', '.konstruct', '.git', 'coverage']);

type Line = { number: number; text: string };

const LINK = /!?\[(?:[^[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g;
const INLINE_CODE = /(`+)(?!`).*?[^`]\1(?!`)/g;

/** A page's lines outside of its fences of code, which are copied from terminals and files. */
function proseOf(page: string): Line[] {
  let fence: string | undefined;
  return page.split('\n').flatMap((text, i) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(text)?.[1];
    if (fence === undefined && mark === undefined) return [{ number: i + 1, text }];
    if (fence === undefined) fence = mark;
    else if (mark?.startsWith(fence)) fence = undefined;
    return [];
  });
}

/** Tables, headings, comments, links alone and addresses can't be broken. */
function mayBeWide(line: string): boolean {
  if (/^\s*(?:\||#|<!--)/.test(line)) return true;
  const beside = line.replaceAll(LINK, '').replaceAll(/https?:\/\/\S+/g, '');
  return !/[\p{L}\p{N}]/u.test(beside);
}

function tooWide(prose: readonly Line[]): string[] {
  return prose
    .filter(({ text }) => Array.from(text).length > MAX_WIDTH && !mayBeWide(text))
    .map(({ number, text }) => `${number}: ${Array.from(text).length} columns, ${MAX_WIDTH} at most`);
}

/** Comments in SQL; eslint's `max-len` looks after those in TypeScript. */
function wideComments(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, i) =>
      line.includes('--') && Array.from(line).length > MAX_WIDTH
        ? [`${i + 1}: ${Array.from(line).length} columns, ${MAX_WIDTH} at most`]
        : [],
    );
}

/** As GitHub names a heading's anchor; a second heading of the same name gets a number. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const { text } of proseOf(page)) {
    const heading = /^#{1,6}\s+(.+?)\s*#*$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const anchor = heading
      .replaceAll(LINK, (link) => /\[(.*)\]/.exec(link)?.[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n += 1) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Looks at the whole page, since a link's text may go on in the next line. */
function deadLinks(file: string, prose: readonly Line[]): string[] {
  const text = prose.map((line) => line.text.replaceAll(INLINE_CODE, '')).join('\n');
  return [...text.matchAll(LINK)].flatMap(({ 1: target = '', index }) => {
    if (/^[a-z][a-z+.-]*:/i.test(target)) return [];
    const trouble = troubleWith(file, target);
    const line = prose[text.slice(0, index).split('\n').length - 1];
    return trouble ? [`${line?.number ?? 1}: ${target} ${trouble}`] : [];
  });
}

function troubleWith(file: string, target: string): string | undefined {
  const [relative = '', anchor] = target.split('#');
  const linked = relative === '' ? file : path.resolve(path.dirname(file), decodeURIComponent(relative));
  if (!existsSync(linked)) return 'leads nowhere';
  if (!linked.endsWith('.md') || !anchor || statSync(linked).isDirectory()) return undefined;
  return anchorsOf(readFileSync(linked, 'utf8')).has(anchor) ? undefined : 'names no heading of that page';
}

/** What the project was built from isn't in the repository: a reader can't look it up. */
const FOREIGN = /SPEC(?:\s*§|\.md)|work\/shared/;

function foreignCitations(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, i) =>
      FOREIGN.test(line) ? [`${i + 1}: cites a page that isn't in the repository`] : [],
    );
}

async function filesOf(pattern: string): Promise<string[]> {
  return (await Array.fromAsync(glob(pattern, { cwd: ROOT, exclude: (name) => SKIPPED.has(name) }))).sort();
}

const complaints: string[] = [];
for (const name of await filesOf('**/*.{md,ts,mjs,sql}')) {
  const file = path.join(ROOT, name);
  const text = readFileSync(file, 'utf8');
  const found: string[] = [];
  // Applied migrations are never edited, not even their comments.
  const isMigration = name.startsWith('migrations');
  // This file names what it looks for.
  if (!isMigration && file !== import.meta.filename) found.push(...foreignCitations(text));
  if (!isMigration && name.endsWith('.sql')) found.push(...wideComments(text));
  if (name.endsWith('.md')) {
    const prose = proseOf(text);
    found.push(...tooWide(prose), ...deadLinks(file, prose));
  }
  complaints.push(...found.map((complaint) => `${name}:${complaint}`));
}
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;
