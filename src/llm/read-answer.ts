import { gunzipSync } from 'node:zlib';
import { createParser } from 'eventsource-parser';
import type { AnswerBuilder } from './answer-builder.ts';
import { parseJson } from '../lib/parse-json.ts';
import { asObject, objectsIn } from './json.ts';
import { readChunk } from './read-chunk.ts';

/** A single event, or a document without line breaks, may have this many characters. */
const MAX_EVENT = 8_000_000;

/** What a body turned out to be. `page`: HTML or plain text, no answer of a model. */
export type BodyKind = 'events' | 'lines' | 'document' | 'page' | 'empty';

type Taker = Pick<AnswerBuilder, 'take' | 'markWhole'>;

export type AnswerReader = {
  push: (bytes: Uint8Array) => void;
  /** The body has ended. Throws a RangeError when it is too large. */
  end: () => BodyKind;
};

/**
 * Reads a body as what it is, not as what its content type says: events, lines of JSON or one document, in
 * whatever pieces they arrive. All that is understood goes to the builder, all else is skipped.
 */
export function createAnswerReader(builder: Taker): AnswerReader {
  const decoder = new TextDecoder();
  let kind: BodyKind = 'empty';
  let held = '';
  let consume: (text: string) => void = () => undefined;
  let finish: () => void = () => undefined;
  const zipped: Uint8Array[] = [];
  let first: Uint8Array | undefined = new Uint8Array();

  const begin = (): void => {
    const start = withoutComments(held);
    if (start === '' || start.startsWith(':')) {
      held = start;
      return;
    }
    if (start.startsWith('{') || start.startsWith('['))
      ({ consume, finish } = readJson(builder, (is) => (kind = is)));
    else if (start.startsWith('<')) kind = 'page';
    else {
      kind = 'events';
      ({ consume, finish } = readEvents(builder));
    }
    if (kind === 'empty') kind = 'document';
    consume(start);
    held = '';
  };
  const take = (text: string): void => {
    if (kind === 'empty') {
      held += text;
      begin();
    } else consume(text);
  };
  const takeBytes = (bytes: Uint8Array): void => take(decoder.decode(bytes, { stream: true }));

  return {
    push: (bytes) => {
      if (zipped.length > 0) return void zipped.push(bytes);
      if (first) {
        first = Buffer.concat([first, bytes]);
        if (first.length < 2) return;
        // Compressed, and no header says so: fetch has handed it on as it came.
        if (first[0] === 0x1f && first[1] === 0x8b) return void zipped.push(first);
        takeBytes(first);
        first = undefined;
      } else takeBytes(bytes);
    },
    end: () => {
      if (zipped.length > 0) takeBytes(gunzipSync(Buffer.concat(zipped), { maxOutputLength: MAX_EVENT }));
      else if (first) takeBytes(first);
      take(decoder.decode());
      finish();
      return kind;
    },
  };
}

/** Without the comments that keep a connection alive: a document may follow them as well as a stream. */
function withoutComments(text: string): string {
  let start = text.trimStart();
  while (start.startsWith(':') && start.includes('\n')) start = start.slice(start.indexOf('\n')).trimStart();
  return start;
}

/** Some write it as JSON. */
const isDone = (text: string): boolean => /^"?\[DONE\]"?$/i.test(text);

/** Events whose name says that this is the end. */
const NAMED_END = /^(?:end|done|completed?|finish(?:ed)?)$/i;

type TextReader = { consume: (text: string) => void; finish: () => void };

function readEvents(builder: Taker): TextReader {
  const takeData = (data: string, event: string | undefined): void => {
    const text = data.startsWith('data:') ? data.slice(5).trim() : data.trim();
    if (isDone(text)) {
      builder.markWhole();
      return;
    }
    const value = parseJson(text);
    if (value !== undefined) {
      const piece = readChunk(value, event);
      const ends = event !== undefined && NAMED_END.test(event) && piece.error === undefined;
      builder.take(ends ? { ...piece, end: true } : piece);
    } else if (event === 'error' && text !== '') builder.take({ error: text });
    else if (text.includes('\n')) {
      // Events without the empty line that parts them.
      for (const line of text.split('\n')) takeData(line, event);
    }
  };
  const parser = createParser({
    onEvent: ({ data, event }) => takeData(data, event),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded')
        throw new RangeError('an event of the stream is too large');
    },
    maxBufferSize: MAX_EVENT,
  });
  return {
    consume: (text) => parser.feed(text),
    // The last event may lack its empty line.
    finish: () => parser.feed('\n\n'),
  };
}

/** One document, pretty-printed or not, or one document after the other, mostly one a line. */
function readJson(builder: Taker, isA: (kind: BodyKind) => void): TextReader {
  let parts: string[] = [];
  let size = 0;
  let lines: 'unknown' | 'yes' | 'no' = 'unknown';
  let taken = 0;
  let only: unknown;
  const takeLine = (line: string): void => {
    const text = line.startsWith('data:') ? line.slice(5).trim() : line.trim();
    if (isDone(text)) builder.markWhole();
    if (!text.startsWith('{')) return;
    const value = parseJson(text);
    for (const one of value === undefined ? objectsIn(text).map(parseJson) : [value]) {
      taken += 1;
      only = one;
      builder.take(readChunk(one));
    }
  };
  const splitLines = (): void => {
    const text = parts.join('');
    const from = lines === 'no' ? 0 : text.lastIndexOf('\n') + 1;
    if (from === 0) return;
    for (const line of text.slice(0, from).split('\n')) {
      if (line.trim() === '') continue;
      if (lines === 'unknown') {
        // The first line decides; a document of one line is told apart at its end.
        lines = parseJson(line.trim()) === undefined ? 'no' : 'yes';
        if (lines === 'no') {
          parts = [text];
          return;
        }
        isA('lines');
      }
      takeLine(line);
    }
    parts = from < text.length ? [text.slice(from)] : [];
  };
  return {
    consume: (text) => {
      size += text.length;
      if (size > MAX_EVENT) throw new RangeError('the answer is too large');
      parts.push(text);
      if (lines !== 'no' && text.includes('\n')) splitLines();
    },
    finish: () => {
      const text = parts.join('').trim();
      if (lines === 'yes') {
        if (text !== '') takeLine(text);
        // One line and an empty one: a document with a line break at its end.
        if (taken === 1 && !isPartOfMore(only)) builder.markWhole();
        return;
      }
      const value = parseJson(text);
      if (value === undefined) {
        takeLine(text);
        return;
      }
      for (const one of Array.isArray(value) ? value : [value]) builder.take(readChunk(one));
      // A document that can be parsed is all there.
      builder.markWhole();
    },
  };
}

/** Whether a document says of itself that others follow. */
function isPartOfMore(value: unknown): boolean {
  const document = asObject(value);
  const [choice] = Array.isArray(document?.['choices']) ? document['choices'].map(asObject) : [];
  return document?.['done'] === false || choice?.['delta'] !== undefined;
}
