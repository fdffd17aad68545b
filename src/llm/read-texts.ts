/** What the texts of a body hold: events, or documents, mostly one a line. */
import { createParser } from 'eventsource-parser';
import type { AnswerBuilder } from './answer-builder.ts';
import { asObject, objectsIn, readJson } from './json.ts';
import { readChunk } from './read-chunk.ts';

/**
 * Characters of one event, line or document: five times the longest reply, each character escaped. So a reply
 * that comes in one piece and is too long is cut like any other. All answers together have a room of their
 * own (`desk.ts`).
 */
const MAX_TEXT = 4_000_000;
/** What is kept in pieces takes so many characters more for each. */
const AROUND_A_PIECE = 40;
/** Of one answer: the longest text in events of one character each, and as many thoughts. */
const MAX_DOCUMENTS = 500_000;
/** Texts that look like documents and are none: each costs an error. */
const MAX_BROKEN = 1_000;

export type Taker = Pick<AnswerBuilder, 'take' | 'markWhole'>;

/** The first two throw when there is more than any answer holds. */
export type TextReader = {
  consume: (text: string) => void;
  finish: () => void;
  /** Characters that are kept of what isn't finished, at most. */
  held: () => number;
};

/** Some write it as JSON. */
const isDone = (text: string): boolean => /^"?\[DONE\]"?$/i.test(text);

/** Events whose name says that this is the end. */
const NAMED_END = /^(?:end|done|completed?|finish(?:ed)?)$/i;

export function readEvents(builder: Taker): TextReader {
  const documents = createDocuments();
  /** Characters since the last event that was whole. */
  let open = 0;
  /** A part of a string keeps the whole: the event in whose piece this one began counts as well. */
  let held = 0;
  let events = 0;
  const takeData = (data: string, event: string | undefined): void => {
    const text = data.startsWith('data:') ? data.slice(5).trim() : data.trim();
    if (isDone(text)) {
      builder.markWhole();
      return;
    }
    const value = documents.read(text);
    if (value !== undefined) {
      const piece = readChunk(value, event);
      const ends = event !== undefined && NAMED_END.test(event) && piece.error === undefined;
      builder.take(ends ? { ...piece, end: true } : piece);
    } else if (event === 'error' && text !== '') builder.take({ error: text });
    else if (text.includes('\n')) {
      // Events without the empty line that parts them.
      for (const line of linesOf(text)) takeData(line, event);
    } else documents.skip(text);
  };
  // Without `onError`: it would be given an error with its stack for every line that is no field. A parser
  // that holds too much throws when it is fed again.
  const parser = createParser({
    onEvent: ({ data, event }) => {
      events += 1;
      takeData(data, event);
    },
    maxBufferSize: MAX_TEXT,
  });
  return {
    consume: (text) => {
      const before = events;
      parser.feed(text);
      const more = text.length + AROUND_A_PIECE * countLines(text);
      const goesOn = events === before;
      held = (goesOn ? held : open) + more;
      open = goesOn ? open + more : more;
    },
    // The last event may lack its empty line.
    finish: () => parser.feed('\n\n'),
    held: () => held,
  };
}

/** One document, pretty-printed or not, or one after the other. `isLines` is told that each has its line. */
export function readDocuments(builder: Taker, isLines: () => void): TextReader {
  const documents = createDocuments();
  let parts: string[] = [];
  let size = 0;
  let held = 0;
  let lines: 'unknown' | 'yes' | 'no' = 'unknown';
  let taken = 0;
  let only: unknown;
  const takeOne = (value: unknown): void => {
    taken += 1;
    only = value;
    builder.take(readChunk(value));
  };
  const takeText = (given: string): void => {
    const text = given.startsWith('data:') ? given.slice(5).trim() : given.trim();
    if (isDone(text)) builder.markWhole();
    if (!text.startsWith('{')) return;
    const value = documents.read(text);
    if (value === undefined) takeObjects(text);
    else takeOne(value);
  };
  const takeObjects = (text: string): void => {
    const found = objectsIn(text);
    if (found.length === 0) documents.skip(text);
    for (const object of found) {
      const value = documents.read(object);
      if (value === undefined) documents.skip(object);
      takeOne(value);
    }
  };
  const keep = (rest: string): void => {
    parts = rest === '' ? [] : [rest];
    size = rest.length;
  };
  const splitLines = (): void => {
    const text = parts.join('');
    // What is left of it keeps all of it.
    held = text.length;
    const from = lines === 'no' ? 0 : text.lastIndexOf('\n') + 1;
    if (from === 0) return;
    for (const line of linesOf(text.slice(0, from))) {
      if (line.trim() === '') continue;
      if (lines === 'unknown') {
        // The first line decides; a document of one line is told apart at its end.
        lines = readJson(line.trim()) === undefined ? 'no' : 'yes';
        if (lines === 'no') {
          keep(text);
          return;
        }
        isLines();
      }
      takeText(line);
    }
    keep(text.slice(from));
  };
  return {
    consume: (text) => {
      parts.push(text);
      size += text.length;
      held += text.length + AROUND_A_PIECE;
      if (lines !== 'no' && text.includes('\n')) splitLines();
      if (size > MAX_TEXT) throw new RangeError('a document of the answer is too large');
    },
    finish: () => {
      const text = parts.join('').trim();
      if (lines === 'yes') {
        if (text !== '') takeText(text);
        // One line and an empty one: a document with a line break at its end.
        if (taken === 1 && !isPartOfMore(only)) builder.markWhole();
        return;
      }
      const value = documents.read(text);
      if (value === undefined) {
        takeText(text);
        return;
      }
      for (const one of Array.isArray(value) ? value : [value]) builder.take(readChunk(one));
      // A document that can be parsed is all there.
      builder.markWhole();
    },
    held: () => held,
  };
}

/** The documents of one answer, counted. Both methods throw when there are too many. */
function createDocuments() {
  let left = MAX_DOCUMENTS;
  let broken = MAX_BROKEN;
  const looksLikeOne = (text: string): boolean => text.startsWith('{') || text.startsWith('[');
  return {
    /** Its value; undefined when it is none. */
    read(text: string): unknown {
      if (!looksLikeOne(text)) return undefined;
      left -= 1;
      if (left < 0) throw new RangeError('the answer has too many parts');
      return readJson(text);
    },
    /** Nothing of this text was understood. */
    skip(text: string): void {
      if (!looksLikeOne(text)) return;
      broken -= 1;
      if (broken < 0) throw new RangeError('too many parts of the answer are no JSON');
    },
  };
}

function countLines(text: string): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** Line by line: a list of all lines of a long text takes many times its space. */
function* linesOf(text: string): Generator<string> {
  let from = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
    yield text.slice(from, end);
    from = end + 1;
  }
  yield text.slice(from);
}

/** Whether a document says of itself that others follow. */
function isPartOfMore(value: unknown): boolean {
  const document = asObject(value);
  const [choice] = Array.isArray(document?.['choices']) ? document['choices'].map(asObject) : [];
  return document?.['done'] === false || choice?.['delta'] !== undefined;
}
