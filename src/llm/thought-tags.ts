/** How thoughts are marked, in every spelling that is known. docs/LLM-SERVERS.md has the sources. */

export type Tag = {
  /** What people may write, too, opens a thought only where prose can begin. A control token: anywhere. */
  isControl: boolean;
  open: RegExp;
  close: RegExp;
  /** A thought may speak of its own closing tag, in quotes. */
  isQuotable: boolean;
};

/** A word that says "thought", alone or in a compound: `mm:think`, `internal_thoughts`, `think_b51b`. */
const WORD = '(?:[a-z]{1,12}[:_-])?(?:ant)?(?:think(?:ing)?|thoughts?|reasoning|cot)(?:[_-][a-z0-9_]{1,48})?';
/** What documents have as tags, too: an answer that is nothing else is one. */
const DOCUMENT = /^<(?:analysis|reflection|reason(?:ing)?)[\s>]/i;
/** Words that documents have as tags, too: they open a thought at an answer's beginning only. */
const COMMON = 'reflection|analysis|scratchpad|reason|inner_monologue|chain_of_thought';
const ATTRIBUTES = '(?:\\s[^<>]{0,80})?(?<!/)';

const SQUARE = '(?:think(?:ing)?|reasoning|thought)';
const OPEN = {
  empty: `<${WORD}\\s?/>`,
  xml: `<${WORD}${ATTRIBUTES}>`,
  square: `\\[${SQUARE}\\]`,
  // Open WebUI's, and what gateways write for people.
  details:
    '<details\\s(?:[^<>]{0,40}\\s)?type="?reasoning"?[^<>]{0,80}>|<details>\\s{0,4}<summary>[^<>]{0,20}(?:think|thought|reason)[^<>]{0,30}</summary>',
  kimi: '◁think▷',
  pipe: `(?:<\\|begin\\|>assistant)?<\\|(?!(?:end|stop|close)_|[^<>|]{0,60}_end\\|)(?:(?:start|begin)_(?:of_)?)?${WORD}\\|>`,
  inner: '<\\|inner_prefix\\|>',
  gemma: '<\\|channel>thought',
  // MedGemma's word "thought" after it is one already.
  unused: '<unused94>',
  s1: '<\\|im_start\\|>think(?![a-z])',
  harmony:
    '(?:<\\|end\\|>\\s{0,4})?(?:<\\|start\\|>assistant)?<\\|channel\\|>(?:analysis|commentary)[^<]{0,80}<\\|message\\|>',
};
const CLOSE = {
  xml: `</(?:${WORD})\\s?>`,
  square: `\\[/${SQUARE}\\]`,
  kimi: '◁/think▷',
  pipe: `<(?:\\|/|/\\|)${WORD}\\|>|<\\|(?:end|stop|close)_(?:of_)?${WORD}\\|>|<\\|${WORD}_end\\|>`,
  inner: '<\\|inner_suffix\\|>',
  gemma: '<channel\\|>',
  unused: '<unused95>',
  s1: '(?:<\\|im_end\\|>\\s{0,4})?<\\|im_start\\|>answer(?![a-z])',
};

const tag = (open: string, close: string | RegExp, more: Partial<Tag> = {}): Tag => ({
  open: new RegExp(`^(?:${open})`, 'i'),
  close: typeof close === 'string' ? new RegExp(close, 'i') : close,
  isControl: true,
  isQuotable: false,
  ...more,
});

const words: Partial<Tag> = { isControl: false, isQuotable: true };

/** Whether what opens a thought may as well open a document. */
export const opensDocument = (mark: string): boolean => DOCUMENT.test(mark);

/** The first that fits counts. */
export const TAGS: readonly Tag[] = [
  tag(OPEN.empty, /(?:)/, words),
  tag(OPEN.xml, `</(?:${WORD}|${COMMON})\\s?>`, words),
  tag(OPEN.square, CLOSE.square, words),
  tag(OPEN.details, /<\/details>/i, words),
  tag(OPEN.kimi, CLOSE.kimi),
  tag(OPEN.pipe, `${CLOSE.pipe}|${CLOSE.xml}|<\\|end\\|>|(?=<\\|content\\|>)`),
  tag(OPEN.inner, CLOSE.inner),
  tag(OPEN.gemma, CLOSE.gemma),
  tag(OPEN.unused, CLOSE.unused),
  tag(OPEN.s1, CLOSE.s1),
  tag(OPEN.harmony, /<\|end\|>|<\|call\|>|(?=(?:<\|start\|>assistant)?<\|channel\|>final)/),
];

/** At an answer's beginning these do, too. */
export const FIRST_TAGS: readonly Tag[] = [
  ...TAGS,
  tag(`<(?:${COMMON})${ATTRIBUTES}>`, `</(?:${WORD}|${COMMON})\\s?>`, words),
];

const FINAL =
  '(?:<\\|end\\|>\\s{0,4})?(?:<\\|start\\|>assistant)?<\\|channel\\|>final[^<]{0,40}<\\|message\\|>';

/** What may stand around an answer: in front of it, and after a thought. */
export const FRAME = new RegExp(
  `^(?:${FINAL}|<\\|begin_of_(?:solution|box)\\|>|<\\|START_RESPONSE\\|>|(?:<\\|begin\\|>assistant)?<\\|content\\|>|\\[BEGIN FINAL RESPONSE\\])`,
  'i',
);
export const FRAME_AFTER_THOUGHT = /^<(?:answer|response|output|final|final_answer)>/i;
export const TRAILER =
  /(?:<\|(?:return|end|im_end|eot_id|endoftext|end_of_(?:solution|box)|END_RESPONSE)\|>|\[END FINAL RESPONSE\]|<｜end▁of▁sentence｜>)\s*$/;
export const TRAILER_AFTER_THOUGHT = /<\/(?:answer|response|output|final|final_answer)>\s*$/i;

/** Whatever ends a thought and may come without what opens it. */
const ORPHANS = [FINAL, ...Object.values(CLOSE)].join('|');
export const ORPHAN = new RegExp(`^(?:${ORPHANS})$`, 'i');

/** Those that people may write, too. */
export const WORDED_CLOSE = new RegExp(`^(?:${CLOSE.xml}|${CLOSE.square})$`, 'i');

/** Anything within an answer that has to be decided on. */
export const MARK = new RegExp(`${Object.values(OPEN).join('|')}|${ORPHANS}`, 'i');

/** No mark is longer. */
export const LONGEST_MARK = 280;

/** The end of a text as far as it may be a mark or the beginning of one, with the space before it. */
const UNFINISHED =
  /\s{0,24}(?:<\|(?:im_)?end\|>\s{0,4})?(?:<\|(?:start|begin|im_start)\|>[a-z]{0,9})?(?:<\|channel(?:\|>[^<]{0,80}|>[a-z]{0,7}))?(?:<details>\s{0,4}(?:<summary>[^<>]{0,60})?)?(?:<(?:[/|a-z][^<>]{0,200}>?\s{0,4})?|◁[^▷]{0,8}|\[\/?[a-z ]{0,24})?$/i;

/** How many characters at a text's end may become a mark. */
export function unfinishedLength(text: string): number {
  return UNFINISHED.exec(text.slice(-LONGEST_MARK))?.[0].length ?? 0;
}

/** Thoughts between words: nothing is shown before the end, and without the second they are an answer. */
export const WORDED: ReadonlyArray<{ open: RegExp; close: RegExp }> = [
  { open: /^analysis(?=\S)/, close: /assistantfinal/ },
  { open: /^Thinking\.\.\.\s/, close: /\.\.\.done thinking\.\s*/ },
  { open: /^Here is my thought process:/i, close: /Here is my response:\s*/i },
  { open: /^Here are my reasoning steps:/i, close: /\[BEGIN FINAL RESPONSE\]\s*/i },
];

/** How thoughts begin that have lost their tag: such a text isn't shown before its end is seen. */
export const LIKE_A_THOUGHT =
  /^(?:ok(?:ay)?[,.]? (?:so|the user|let|i need|i )|alright[,.]|hmm|the user |we need to |let me (?:think|see|start)|first, (?:i|let)|analysis(?=\S)|thinking\.\.\.\s|here (?:is my thought process|are my reasoning steps):|好的|嗯|首先)/i;

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
  'thinking...',
  'here is my thought process:',
  'here are my reasoning steps:',
  '好的',
  '嗯',
  '首先',
];

/** Whether a text that has just begun may still turn out to be one. */
export function couldBeLikeAThought(text: string): boolean {
  if (text.length >= 32) return false;
  const start = text.toLowerCase();
  return BEGINNINGS.some((beginning) => beginning.startsWith(start) || start.startsWith(beginning));
}
