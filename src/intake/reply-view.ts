/** What a reader has of a reply that grows, and what to tell it next. Pure. */
import { createHash } from 'node:crypto';
import type { ReplyPiece } from '../redis/reply-pieces.ts';

/** How much of a reply a reader has, in UTF-16 units, and which text that is. */
export type Shown = { length: number; digest: string };

export type ViewEvent =
  | { kind: 'delta'; text: string; shown: Shown }
  /** What was told before doesn't count: the reply begins anew. */
  | { kind: 'reset'; shown: Shown };

/** A reader's view of one reply. */
export type ReplyView = {
  /** Takes the pieces that have come, all that there are. */
  take(pieces: readonly ReplyPiece[]): ViewEvent[];
  /** Takes the reply as it is in the end, whatever was told before. */
  finish(reply: string): ViewEvent[];
};

/** A reader that has nothing yet. */
export const NOTHING: Shown = { length: 0, digest: digestOf('') };

/**
 * Makes the view of a reader that has `from`. What it has been told since the last reset is the beginning of
 * the reply, to the character; it keeps no text. Pieces can be lost on the way: then nothing is told until
 * the reply is there.
 */
export function createReplyView(from: Shown): ReplyView {
  let shown = from;
  let hash = createHash('sha256');
  /** False until it is known of which text `from` is the beginning. */
  let isPlaced = from.length === 0;
  let attempt: string | undefined;
  /** How much of the attempt has come. */
  let read = 0;

  const tell = (text: string): ViewEvent[] => {
    if (text === '') return [];
    hash.update(text, 'utf16le');
    shown = { length: shown.length + text.length, digest: short(hash.copy().digest()) };
    return [{ kind: 'delta', text, shown }];
  };
  const tellAnew = (text: string): ViewEvent[] => {
    const hadSome = shown.length > 0;
    hash = createHash('sha256');
    shown = NOTHING;
    isPlaced = true;
    return [...(hadSome ? [{ kind: 'reset' as const, shown }] : []), ...tell(text)];
  };
  /** Goes on behind what the reader has, if the text begins with it. */
  const tellRest = (text: string): ViewEvent[] => {
    if (!beginsWith(text, shown)) return tellAnew(text);
    const { length } = shown;
    if (!isPlaced) hash = createHash('sha256').update(text.slice(0, length), 'utf16le');
    isPlaced = true;
    return tell(text.slice(length));
  };

  return {
    take(pieces) {
      if (pieces.length === 0) return [];
      let isAnew = false;
      let fresh = '';
      for (const { attempt: of, at, text } of pieces) {
        if (of !== attempt) {
          isAnew ||= attempt !== undefined;
          attempt = of;
          read = 0;
          fresh = '';
        }
        if (at > read) continue;
        const further = text.slice(read - at);
        fresh += further;
        read += further.length;
      }
      if (isAnew) return tellAnew(fresh);
      // All that there is of an attempt has come at once: one that is shorter than what the reader has is not
      // the one that it was told of.
      return isPlaced ? tell(fresh) : tellRest(fresh);
    },
    finish: (reply) => tellRest(reply),
  };
}

/** Whether a text begins with what is shown. */
export function beginsWith(text: string, { length, digest }: Shown): boolean {
  return text.length >= length && digestOf(text.slice(0, length)) === digest;
}

/** A text as a reader has it. */
export const shownOf = (text: string): Shown => ({ length: text.length, digest: digestOf(text) });

function digestOf(text: string): string {
  return short(createHash('sha256').update(text, 'utf16le').digest());
}

/** Enough that no two texts meet by chance. */
function short(digest: Buffer): string {
  return digest.subarray(0, 12).toString('base64url');
}
