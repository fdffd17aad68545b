import { countWords } from './words.ts';

/** Characters [from, to) of a text, in UTF-16 units as JavaScript counts them. Empty when `from === to`. */
export type Span = { from: number; to: number };

/** One piece of an exchange that is embedded, found and quoted as a whole. */
export type Passage = { user: Span; reply: Span };

/**
 * The longest text that is one passage. The model reads 256 word pieces, some 180 to 200 English words;
 * what stands behind them has no part in the vector.
 */
export const PASSAGE_WORDS = 180;

/** A "word" this long (a data URL, a hash) is cut: it has many word pieces. */
const PASSAGE_CHARACTERS = 1_400;

const NOTHING: Span = { from: 0, to: 0 };

/**
 * The passages of an exchange: itself when both messages are short, else one for each piece of a long
 * message, together with the other message if that one is short (a question belongs to every part of its
 * long answer).
 */
export function splitExchange(userText: string, replyText: string): Passage[] {
  const user = splitText(userText);
  const reply = splitText(replyText);
  if (user.length > 1 && reply.length > 1) {
    return [
      ...user.map((span) => ({ user: span, reply: NOTHING })),
      ...reply.map((span) => ({ user: NOTHING, reply: span })),
    ];
  }
  return user.flatMap((userSpan) => reply.map((replySpan) => ({ user: userSpan, reply: replySpan })));
}

/** Pieces of about equal length that end where a paragraph or sentence does if possible; `[whole]` for a short text. */
function splitText(text: string): Span[] {
  const words = countWords(text);
  const pieces = Math.max(Math.ceil(words / PASSAGE_WORDS), Math.ceil(text.length / PASSAGE_CHARACTERS), 1);
  if (pieces === 1) return [{ from: 0, to: text.length }];
  const wordsEach = words / pieces;
  const charactersEach = Math.min(PASSAGE_CHARACTERS, Math.ceil((text.length / pieces) * 1.5));
  const spans: Span[] = [];
  let span: Span = { from: 0, to: 0 };
  let spanWords = 0;
  for (const sentence of sentencesOf(text, wordsEach, charactersEach)) {
    const sentenceWords = countWords(text.slice(sentence.from, sentence.to));
    const full = spanWords + sentenceWords > PASSAGE_WORDS || sentence.to - span.from > PASSAGE_CHARACTERS;
    // Half a sentence over is nearer to the even share than half a sentence under.
    if (span.to > span.from && (full || spanWords + sentenceWords / 2 > wordsEach)) {
      spans.push(span);
      span = { from: span.to, to: span.to };
      spanWords = 0;
    }
    span.to = sentence.to;
    spanWords += sentenceWords;
  }
  return [...spans, span];
}

/* Nothing in it can match in two ways: thirty thousand dots must not keep the thread for seconds. */
const SENTENCE = /[^\n.!?。！？؟]*(?:[.!?。！？؟]+(?:(?=\s|$|[^\x00-\x7f])["'”’)\]]*\s*)?|\n+|$)/gu;

/** Sentences without a gap between them; one that is too long for a passage is cut between its words. */
function sentencesOf(text: string, maxWords: number, maxCharacters: number): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const [sentence] of text.matchAll(SENTENCE)) {
    if (sentence === '') continue;
    const long = sentence.length > maxCharacters || countWords(sentence) > maxWords;
    for (const piece of long ? cutBetweenWords(sentence, maxCharacters) : [sentence]) {
      spans.push({ from, to: from + piece.length });
      from += piece.length;
    }
  }
  return spans;
}

/** Runs of a few words; never cuts a surrogate pair in two. */
function cutBetweenWords(text: string, maxCharacters: number): string[] {
  return (text.match(/\S{1,40}\s*|\s+/gu) ?? []).reduce<string[]>((runs, word) => {
    const last = runs.at(-1);
    if (last !== undefined && last.length + word.length <= Math.min(maxCharacters, 80)) {
      runs[runs.length - 1] = last + word;
    } else runs.push(word);
    return runs;
  }, []);
}
