/**
 * Keeps a model's thought out of its answer, while the answer streams in. A thought stands at the beginning,
 * between tags; some servers lose the opening tag, since it is the prompt's last token. What merely mentions
 * a tag, in code, in quotes or later in the text, stays.
 */

type Tag = { open: RegExp; close: RegExp; name: string };

const NAMES =
  'think|thinking|reasoning|thought|thoughts|reflection|analysis|mm:think|seed:think|longcat_think|scratchpad|reason|antthinking';

/** Every way to open a thought that is known, each with what closes it. Applied to short texts only. */
const TAGS: readonly Tag[] = [
  {
    name: 'xml',
    open: new RegExp(`^<(?:${NAMES})(?:\\s[^<>]{0,80})?>`, 'i'),
    close: new RegExp(`</(?:${NAMES})\\s?>`, 'i'),
  },
  { name: 'kimi', open: /^◁think▷/, close: /◁\/think▷/ },
  { name: 'mistral', open: /^\[THINK\]/, close: /\[\/THINK\]/ },
  { name: 'bot', open: /^<\|begin_of_thought\|>/, close: /<\|end_of_thought\|>/ },
  { name: 'cohere', open: /^<\|START_THINKING\|>/, close: /<\|END_THINKING\|>/ },
  { name: 'gemma', open: /^<\|channel>thought/, close: /<channel\|>/ },
  {
    name: 'harmony',
    open: /^(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)[^<]{0,80}<\|message\|>/,
    close: /<\|end\|>|<\|call\|>|(?=(?:<\|start\|>assistant)?<\|channel\|>final)/,
  },
];

/** What stands around an answer in harmony, and at the end of some others. */
const FINAL = /^(?:<\|end\|>\s*)?(?:<\|start\|>assistant)?<\|channel\|>final[^<]{0,40}<\|message\|>/;
const TRAILER = /(?:<\|(?:return|end|im_end|eot_id|endoftext|end_of_solution)\|>|<｜end▁of▁sentence｜>)\s*$/;
const FRAME = /^<\|begin_of_solution\|>/;

/** The closing tags that may come without their opening one. */
const ORPHAN = new RegExp(`</(?:${NAMES})\\s?>|◁/think▷|\\[/THINK\\]`, 'i');

/** An opening tag within an answer. */
const MENTION = new RegExp(`<(?:${NAMES})\\b|◁think▷|\\[THINK\\]`, 'i');

/** No tag is longer, so this much of a text's end may be the beginning of one. */
const LONGEST_TAG = 160;

/** How thoughts begin that have lost their tag: such a text isn't shown before its end is seen. */
const LIKE_A_THOUGHT =
  /^(?:ok(?:ay)?[,.]? (?:so|the user|let|i need|i )|alright[,.]|hmm|the user |we need to |let me (?:think|see|start)|first, (?:i|let)|analysis(?=\S)|好的|嗯|首先)/i;

export type ThoughtFilter = {
  /** Takes the next piece. */
  push: (piece: string) => void;
  /** What may be shown by now. */
  shown: () => string;
  /** The answer, and how many characters were thought. `orphan`: the opening tag was missing. */
  end: () => { text: string; thought: number; orphan: boolean };
};

/** `mayOmitTag`: the model is known to lose its opening tag, so nothing is shown before a closing one. */
export function createThoughtFilter({ mayOmitTag = false } = {}): ThoughtFilter {
  let state: 'start' | 'thought' | 'answer' = 'start';
  let tag: Tag | undefined;
  /** Not yet decided on: never much, so that each character is looked at a few times. */
  let held = '';
  let answer = createAnswerText();
  let thought = 0;
  let orphan = false;
  let sawThought = false;
  let likeThought = mayOmitTag;

  const begin = (isEnd: boolean): boolean => {
    const lead = leadOf(held.trimStart(), isEnd);
    if (!lead) return false;
    held = lead.rest;
    if (lead.is === 'frame') return true;
    tag = lead.tag;
    state = lead.is;
    if (!sawThought) likeThought ||= lead.is === 'answer' && LIKE_A_THOUGHT.test(held);
    sawThought ||= lead.is === 'thought';
    return true;
  };

  const think = (isEnd: boolean): boolean => {
    const close = tag && findClose(held, tag.close, tag.name === 'xml', isEnd);
    if (close === 'wait') return false;
    if (close) {
      thought += close.at;
      held = held.slice(close.at + close.length);
      state = 'start';
      return true;
    }
    const keep = isEnd ? 0 : LONGEST_TAG;
    thought += Math.max(0, held.length - keep);
    held = held.slice(Math.max(0, held.length - keep));
    return false;
  };

  const say = (isEnd: boolean): boolean => {
    const found = ORPHAN.exec(held);
    if (!found) {
      const keep = isEnd ? 0 : tailOf(held);
      answer.add(held.slice(0, held.length - keep));
      held = held.slice(held.length - keep);
      return false;
    }
    const end = found.index + found[0].length;
    // What follows the tag tells whether it is quoted.
    if (!isEnd && end === held.length) return false;
    answer.add(held.slice(0, found.index));
    held = held.slice(end);
    if (answer.mentions(held, likeThought)) {
      answer.add(found[0]);
      return true;
    }
    thought += answer.text().length;
    answer = createAnswerText();
    orphan = sawThought = true;
    likeThought = false;
    state = 'start';
    return true;
  };

  const settle = (isEnd: boolean): void => {
    for (let moved = true; moved;) {
      moved = state === 'start' ? begin(isEnd) : state === 'thought' ? think(isEnd) : say(isEnd);
      if (held === '') break;
    }
  };

  return {
    push: (piece) => {
      held += piece;
      settle(false);
    },
    shown: () => (likeThought ? '' : answer.text()),
    end: () => {
      settle(true);
      const whole = answer.text();
      const text = withoutRemains(whole);
      if (whole.startsWith('analysis')) thought += whole.length - text.length;
      return { text, thought, orphan };
    },
  };
}

/** The answer so far, and what of it is code. */
function createAnswerText() {
  const code = createCodeWatch();
  let text = '';
  // The text itself is not looked into: it is a rope of pieces until somebody does.
  let lastCharacter = '';
  return {
    text: () => text,
    add: (piece: string): void => {
      code.push(piece);
      text += piece;
      lastCharacter = piece.at(-1) ?? lastCharacter;
    },
    /** Whether a closing tag that stands here is only spoken of. */
    mentions: (after: string, likeThought: boolean): boolean =>
      code.inCode() || isQuoted(lastCharacter, after) || (code.opened() && !likeThought),
  };
}

/** What a text begins with; undefined when more of it is needed to tell. */
function leadOf(
  text: string,
  isEnd: boolean,
): { is: 'frame' | 'thought' | 'answer'; rest: string; tag?: Tag } | undefined {
  const frame = FINAL.exec(text) ?? FRAME.exec(text);
  if (frame) return { is: 'frame', rest: text.slice(frame[0].length) };
  for (const tag of TAGS) {
    const opened = tag.open.exec(text);
    if (opened) return { is: 'thought', rest: text.slice(opened[0].length), tag };
  }
  const isTagLike = /^[<◁[]/.test(text);
  const mayBecome = isTagLike ? text.length < LONGEST_TAG : text.length < 24 && couldBeLikeThought(text);
  return !isEnd && mayBecome ? undefined : { is: 'answer', rest: text };
}

/** Without harmony's channels where their tokens are lost, and without a token at the end. */
function withoutRemains(answer: string): string {
  const final = /^analysis(?=\S)/.test(answer) ? answer.indexOf('assistantfinal') : -1;
  const text = final === -1 ? answer : answer.slice(final + 'assistantfinal'.length);
  return TRAILER.test(text.slice(-64)) ? withoutTrailer(text) : text;
}

function withoutTrailer(text: string): string {
  const tail = text.slice(-64).replace(TRAILER, '');
  return text.slice(0, Math.max(0, text.length - 64)) + tail;
}

/** How much of a text's end may belong to a tag that isn't complete. */
function tailOf(text: string): number {
  const from = Math.max(0, text.length - 24);
  const tail = text.slice(from);
  const at = Math.max(tail.lastIndexOf('<'), tail.lastIndexOf('◁'), tail.lastIndexOf('['));
  return at === -1 ? 0 : tail.length - at;
}

const BEGINNINGS = [
  'okay',
  'ok',
  'alright',
  'hmm',
  'the user',
  'we need',
  'let ',
  'first,',
  'analysis',
  '好的',
  '嗯',
  '首先',
];

function couldBeLikeThought(text: string): boolean {
  const start = text.toLowerCase();
  return BEGINNINGS.some((beginning) => beginning.startsWith(start) || start.startsWith(beginning));
}

/** The first closing tag that isn't itself wrapped in quotes; `wait` when the next character tells. */
function findClose(
  text: string,
  close: RegExp,
  quotable: boolean,
  isEnd: boolean,
): { at: number; length: number } | 'wait' | undefined {
  let from = 0;
  for (;;) {
    const found = close.exec(from === 0 ? text : text.slice(from));
    if (!found) return undefined;
    const at = from + found.index;
    const end = at + found[0].length;
    const before = at > 0 ? text.charAt(at - 1) : '';
    if (!quotable || PAIRS[before] === undefined) return { at, length: found[0].length };
    if (end === text.length && !isEnd) return 'wait';
    if (!isQuoted(before, text.charAt(end))) return { at, length: found[0].length };
    from = end;
  }
}

const PAIRS: Readonly<Record<string, string>> = {
  '`': '`',
  '"': '"',
  "'": "'",
  '“': '”',
  '‘': '’',
  '«': '»',
  '„': '“',
  '「': '」',
};

function isQuoted(before: string, after: string): boolean {
  const closing = PAIRS[before];
  return closing !== undefined && after.startsWith(closing);
}

/** Follows code blocks, inline code and whether an opening tag has been mentioned, each character once. */
function createCodeWatch() {
  let fenced = false;
  let inline = false;
  let line = '';
  let opened = false;
  const endLine = (): void => {
    if (/^\s{0,3}(?:```|~~~)/.test(line)) fenced = !fenced;
    inline = false;
    line = '';
  };
  return {
    push(text: string): void {
      for (const character of text) {
        if (character === '\n') endLine();
        else {
          if (character === '`') inline = !inline;
          // A line's beginning tells whether it is a fence.
          if (line.length < 8) line += character;
        }
      }
      opened ||= MENTION.test(text);
    },
    /** Within a block, or after an odd number of backticks in the line. */
    inCode: () => (fenced ? !/^\s{0,3}(?:```|~~~)/.test(line) : inline || /^\s{0,3}(?:```|~~~)/.test(line)),
    opened: () => opened,
  };
}
