/**
 * Keeps a model's thoughts out of its answer, while the answer streams in. A thought stands between tags, at
 * the answer's beginning or where prose begins within it: at a line's start or after a sentence. Control
 * tokens, which nobody writes, open one anywhere. Some servers lose the opening tag, since it is the prompt's
 * last token. What merely mentions a tag, in code, in quotes or within a sentence, stays. An answer that is
 * nothing but `<analysis>…</analysis>` may be the document that was asked for.
 */
import { createAnswerText, isQuoted, type AnswerText } from './answer-text.ts';
import { createGrowingText, type GrowingText } from './growing-text.ts';
import {
  couldBeLikeAThought,
  FIRST_TAGS,
  FRAME,
  FRAME_AFTER_THOUGHT,
  LIKE_A_THOUGHT,
  LONGEST_MARK,
  MARK,
  ORPHAN,
  TAGS,
  TRAILER,
  TRAILER_AFTER_THOUGHT,
  unfinishedLength,
  opensDocument,
  WORDED,
  WORDED_CLOSE,
  type Tag,
} from './thought-tags.ts';

export type ThoughtFilter = {
  /** Takes the next piece. */
  push: (piece: string) => void;
  /** What may be shown by now. */
  shown: () => string;
  /**
   * The answer, and how many characters were thought. `orphan`: the opening tag was missing. `document`: what
   * stands between tags that documents have, too, if nothing else was said.
   */
  end: () => { text: string; thought: number; orphan: boolean; document: string };
};

/** What has been read so far. */
type Reading = {
  state: 'start' | 'thought' | 'answer';
  tag: Tag | undefined;
  /** Not yet decided on: never much, so that each character is looked at a few times. */
  held: string;
  /** Before what is held. */
  space: string;
  answer: AnswerText;
  thought: number;
  orphan: boolean;
  sawThought: boolean;
  /** A tag was spoken of. */
  mentioned: boolean;
  /** What was taken for thoughts and may be a document; undefined: not within one. */
  documents: string;
  document: GrowingText | undefined;
  isFramed: boolean;
  likeThought: boolean;
};

/** `mayOmitTag`: the model is known to lose its opening tag, so nothing is shown before a closing one. */
export function createThoughtFilter({ mayOmitTag = false } = {}): ThoughtFilter {
  const reading: Reading = {
    state: 'start',
    tag: undefined,
    held: '',
    space: '',
    answer: createAnswerText(),
    thought: 0,
    orphan: false,
    sawThought: false,
    mentioned: false,
    documents: '',
    document: undefined,
    isFramed: false,
    likeThought: mayOmitTag,
  };
  const steps = { start: begin, thought: think, answer: say };
  const settle = (isEnd: boolean): void => {
    while (steps[reading.state](reading, isEnd) && reading.held !== '');
  };
  return {
    push: (piece) => {
      reading.held += piece;
      settle(false);
    },
    shown: () => (reading.likeThought ? '' : reading.answer.text()),
    end: () => {
      settle(true);
      const whole = reading.answer.text();
      const text = withoutWorded(whole);
      return {
        text: withoutTrailer(text, reading.isFramed),
        thought: reading.thought + whole.length - text.length,
        orphan: reading.orphan,
        document: whole === '' ? reading.documents : '',
      };
    },
  };
}

function open(reading: Reading, tag: Tag, mark: string): void {
  reading.answer.settle();
  reading.document = opensDocument(mark) ? createGrowingText(mark) : undefined;
  reading.tag = tag;
  reading.state = 'thought';
  reading.sawThought = true;
}

/** Before an answer, and after each thought. Like the other steps: false when more text is needed. */
function begin(reading: Reading, isEnd: boolean): boolean {
  const { held, answer, sawThought } = reading;
  const text = held.trimStart();
  reading.space += held.slice(0, held.length - text.length);
  reading.held = text;
  if (text === '') return false;
  const frame = FRAME.exec(text) ?? (sawThought ? FRAME_AFTER_THOUGHT.exec(text) : null);
  if (frame) {
    reading.isFramed ||= FRAME_AFTER_THOUGHT.test(frame[0]);
    reading.held = text.slice(frame[0].length);
    return true;
  }
  const isFirst = answer.isEmpty();
  const opened = (isFirst ? FIRST_TAGS : TAGS).find((one) => one.open.test(text));
  const mayBecome = unfinishedLength(text) === text.length || (isFirst && couldBeLikeAThought(text));
  if (!opened && !isEnd && mayBecome) return false;
  answer.addSpace(reading.space);
  reading.space = '';
  if (opened) {
    const [mark = ''] = opened.open.exec(text) ?? [];
    reading.held = text.slice(mark.length);
    open(reading, opened, mark);
    return true;
  }
  if (!sawThought) reading.likeThought ||= LIKE_A_THOUGHT.test(text);
  reading.state = 'answer';
  return true;
}

function think(reading: Reading, isEnd: boolean): boolean {
  const { held, tag } = reading;
  const close = tag && findClose(held, tag, isEnd);
  if (close && 'at' in close) {
    reading.thought += close.at;
    if (reading.document !== undefined) {
      const rest = held.slice(0, close.at + close.length);
      reading.documents += `${reading.documents && '\n'}${reading.document.text()}${rest}`;
    }
    reading.held = held.slice(close.at + close.length);
    reading.state = 'start';
    return true;
  }
  // What stands before a quotation that isn't finished is decided: it is not looked at again.
  const undecided = close ? held.length - close.waitsFrom : Math.min(held.length, LONGEST_MARK);
  const keep = isEnd ? 0 : undecided;
  reading.thought += held.length - keep;
  reading.document?.add(held.slice(0, held.length - keep));
  reading.held = held.slice(held.length - keep);
  return false;
}

function say(reading: Reading, isEnd: boolean): boolean {
  const { held, answer } = reading;
  const found = MARK.exec(held);
  if (!found) {
    const keep = isEnd ? 0 : unfinishedLength(held);
    answer.add(held.slice(0, held.length - keep));
    reading.held = held.slice(held.length - keep);
    return false;
  }
  const [mark] = found;
  const end = found.index + mark.length;
  // What follows the tag tells whether it is quoted.
  if (!isEnd && end === held.length) return false;
  const before = held.slice(0, found.index);
  const space = /\s*$/.exec(before.slice(-24))?.[0] ?? '';
  answer.add(before.slice(0, before.length - space.length));
  answer.addSpace(space);
  reading.held = held.slice(end);
  decide(reading, mark);
  return true;
}

/** Whether a mark within an answer opens a thought, ends one that lost its opening tag, or is a word. */
function decide(reading: Reading, mark: string): void {
  const { answer, held, mentioned, likeThought } = reading;
  const isQuotation = answer.quotes(held);
  if (ORPHAN.test(mark)) {
    const isSpokenOf = mentioned || (WORDED_CLOSE.test(mark) && answer.isWithinProse());
    if (isQuotation || (isSpokenOf && !likeThought)) {
      answer.add(mark);
      return;
    }
    reading.thought += answer.dropUnsettled();
    reading.orphan ||= !reading.sawThought;
    reading.sawThought = true;
    reading.likeThought = false;
    reading.state = 'start';
    return;
  }
  const opened = TAGS.find((one) => one.open.test(mark));
  if (opened && !isQuotation && (opened.isControl || answer.proseBegins())) open(reading, opened, mark);
  else {
    reading.mentioned = true;
    answer.add(mark);
  }
}

/**
 * The first closing tag that isn't itself wrapped in quotes. `waitsFrom`: the quotation mark before one, when
 * the next character tells.
 */
function findClose(
  text: string,
  { close, isQuotable }: Tag,
  isEnd: boolean,
): { at: number; length: number } | { waitsFrom: number } | undefined {
  let from = 0;
  for (;;) {
    const found = close.exec(from === 0 ? text : text.slice(from));
    if (!found) return undefined;
    const at = from + found.index;
    const end = at + found[0].length;
    const before = at > 0 ? text.charAt(at - 1) : '';
    if (!isQuotable || !isQuoted(before, text.charAt(end))) {
      // Only a quotation mark before it makes what follows matter.
      const mayBeQuoted = isQuotable && end === text.length && !isEnd && /["'`“‘«„「]/.test(before);
      return mayBeQuoted ? { waitsFrom: at - 1 } : { at, length: found[0].length };
    }
    from = end;
  }
}

function withoutWorded(text: string): string {
  const worded = WORDED.find(({ open, close }) => open.test(text) && close.test(text));
  const found = worded?.close.exec(text);
  return found ? text.slice(found.index + found[0].length) : text;
}

/** Without a token that ends it. */
function withoutTrailer(text: string, isFramed: boolean): string {
  const tail = text.slice(-64);
  const trailer = TRAILER.exec(tail) ?? (isFramed ? TRAILER_AFTER_THOUGHT.exec(tail) : null);
  return trailer ? text.slice(0, text.length - (tail.length - trailer.index)) : text;
}
