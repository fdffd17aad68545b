import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { readDocuments, readEvents, type Taker, type TextReader } from './read-texts.ts';

/**
 * Bytes of a body in all: of the longest answers with their thoughts in small events, also of servers that
 * send the whole text so far with each.
 */
export const MAX_BODY_BYTES = 64_000_000;
/** Bytes of a body that is compressed, as it comes and as it is read. */
const MAX_ZIPPED_BYTES = 4_000_000;
/** What is kept in pieces takes so many bytes more for each. */
const AROUND_A_PIECE = 200;

/** What a body turned out to be. `page`: HTML or plain text, no answer of a model. */
export type BodyKind = 'events' | 'lines' | 'document' | 'page' | 'empty';

export type AnswerReader = {
  /** Throws when the body, or a part of it, is larger than any answer. */
  push: (bytes: Uint8Array) => void;
  /** The body has ended. Rejects when what is left of it can't be read. `inTurn` does each step of it. */
  end: (inTurn?: (step: () => void) => Promise<void>) => Promise<BodyKind>;
  /** What the body is by what has come of it. */
  kind: () => BodyKind;
  /** Bytes that are kept of what isn't finished, at most. */
  held: () => number;
};

const atOnce = (step: () => void): Promise<void> => Promise.resolve().then(step);

/**
 * Reads a body as what it is, not as what its content type says: events, lines of JSON or one document, in
 * whatever pieces they arrive. All that is understood goes to the builder, all else is skipped.
 */
export function createAnswerReader(builder: Taker): AnswerReader {
  const decoder = new TextDecoder();
  let kind: BodyKind = 'empty';
  let reader: TextReader = { consume: () => undefined, finish: () => undefined, held: () => 0 };
  let isInComment = false;
  let size = 0;
  const zipped: Uint8Array[] = [];
  let first: Uint8Array | undefined = new Uint8Array();

  const begin = (start: string): void => {
    if (start.startsWith('{') || start.startsWith('[')) {
      kind = 'document';
      reader = readDocuments(builder, () => (kind = 'lines'));
    } else if (start.startsWith('<')) kind = 'page';
    else {
      kind = 'events';
      reader = readEvents(builder);
    }
    reader.consume(start);
  };
  /** Without the comments that keep a connection alive: a document may follow them as well as a stream. */
  const afterComments = (text: string): string => {
    let rest = text;
    for (;;) {
      if (isInComment) {
        const end = rest.search(/[\r\n]/);
        if (end < 0) return '';
        rest = rest.slice(end + 1);
      }
      rest = rest.trimStart();
      isInComment = rest.startsWith(':');
      if (!isInComment) return rest;
    }
  };
  const take = (text: string): void => {
    if (kind !== 'empty') {
      reader.consume(text);
      return;
    }
    const start = afterComments(text);
    if (start !== '') begin(start);
  };
  const takeBytes = (bytes: Uint8Array): void => take(decoder.decode(bytes, { stream: true }));
  const unzip = async (inTurn: (step: () => void) => Promise<void>): Promise<void> => {
    let left = MAX_ZIPPED_BYTES;
    const unzipped: AsyncIterable<Uint8Array> = Readable.from(zipped).pipe(createGunzip());
    for await (const bytes of unzipped) {
      left -= bytes.length;
      if (left < 0) throw new RangeError('the answer is too large');
      await inTurn(() => takeBytes(bytes));
    }
  };

  return {
    push: (bytes) => {
      size += bytes.length;
      if (size > (zipped.length > 0 ? MAX_ZIPPED_BYTES : MAX_BODY_BYTES))
        throw new RangeError('the answer is too large');
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
    end: async (inTurn = atOnce) => {
      if (zipped.length > 0) await unzip(inTurn);
      else if (first) takeBytes(first);
      await inTurn(() => {
        take(decoder.decode());
        reader.finish();
      });
      return kind;
    },
    kind: () => kind,
    held: () => 2 * reader.held() + (zipped.length > 0 ? size + zipped.length * AROUND_A_PIECE : 0),
  };
}
