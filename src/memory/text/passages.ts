import type { InSteps } from '../../lib/in-turns.ts';
import { countWords, countWordsInSteps } from './words.ts';

/** Characters [from, to) of a text, in UTF-16 code units. Empty when `from === to`. */
export type Span = { from: number; to: number };

/** A part of an exchange that is embedded, found and quoted as one. */
export type Passage = { user: Span; reply: Span };

/**
 * The longest text that is one passage. Small enough that what is found can be quoted as it is, from several
 * exchanges, and large enough to say something by itself.
 */
export const PASSAGE_WORDS = 60;

/** A second limit, for "words" such as data URLs and hashes, which have many word pieces. */
const PASSAGE_CHARACTERS = 470;

/**
 * What one message may cost the model. Beyond it passages are joined; search by words still finds all of
 * them.
 */
const MAX_PASSAGES = 48;

/** So many joined the model reads whole, see `embedParts`. Of more it reads the beginning alone. */
const PASSAGES_READ_TOGETHER = 3;

const NOTHING: Span = { from: 0, to: 0 };

/**
 * Splits an exchange into passages. A short exchange is one passage. Of a longer one each message is split by
 * itself; its passages know each other as neighbours do.
 */
export function* splitExchange(userText: string, replyText: string): InSteps<Passage[]> {
  const isShort =
    userText.length + replyText.length <= PASSAGE_CHARACTERS &&
    countWords(userText) + countWords(replyText) <= PASSAGE_WORDS;
  const whole = (text: string): Span => ({ from: 0, to: text.length });
  if (isShort) return [{ user: whole(userText), reply: whole(replyText) }];
  const [ofUser, ofReply] = [yield* splitText(userText), yield* splitText(replyText)];
  return [
    ...ofUser.map((user) => ({ user, reply: NOTHING })),
    ...ofReply.map((reply) => ({ user: NOTHING, reply })),
  ];
}

/** Whether a text is longer than what one message may cost the model, so that it is embedded in part. */
export function* isEmbeddedInPart(text: string): InSteps<boolean> {
  const parts = yield* partsOf(text);
  return Math.ceil(parts.length / MAX_PASSAGES) > PASSAGES_READ_TOGETHER;
}

function* splitText(text: string): InSteps<Span[]> {
  return atMost(MAX_PASSAGES, yield* partsOf(text));
}

/** Sentences that are joined to parts in one step: a millisecond or two. */
const JOINED_IN_ONE_GO = 2_000;

/**
 * Parts of about equal length, cut at the end of a paragraph
 * or sentence where possible. One for a short text.
 */
function* partsOf(text: string): InSteps<Span[]> {
  const words = yield* countWordsInSteps(text);
  const pieces = Math.max(Math.ceil(words / PASSAGE_WORDS), Math.ceil(text.length / PASSAGE_CHARACTERS), 1);
  if (pieces === 1) return [{ from: 0, to: text.length }];
  const wordsEach = words / pieces;
  const charactersEach = Math.min(PASSAGE_CHARACTERS, Math.ceil((text.length / pieces) * 1.5));
  const spans: Span[] = [];
  let span: Span = { from: 0, to: 0 };
  let spanWords = 0;
  let joined = 0;
  for (const sentence of sentencesOf(text, wordsEach, charactersEach)) {
    const full = spanWords + sentence.words > PASSAGE_WORDS || sentence.to - span.from > PASSAGE_CHARACTERS;
    // Cut where the part is nearest to its even share: before a
    // sentence that would exceed it by more than half.
    if (span.to > span.from && (full || spanWords + sentence.words / 2 > wordsEach)) {
      spans.push(span);
      span = { from: span.to, to: span.to };
      spanWords = 0;
    }
    span.to = sentence.to;
    spanWords += sentence.words;
    joined += 1;
    if (joined % JOINED_IN_ONE_GO === 0) yield;
  }
  return [...spans, span];
}

/** Neighbours together, in equal groups. */
function atMost(most: number, spans: readonly Span[]): Span[] {
  const each = Math.ceil(spans.length / most);
  return spans.flatMap((first, i) =>
    i % each === 0
      ? [{ from: first.from, to: spans[Math.min(i + each, spans.length) - 1]?.to ?? first.to }]
      : [],
  );
}

/* No two parts can match the same text, so that a message of thirty thousand dots causes no backtracking. */
const SENTENCE = /[^\n.!?。！？؟]*(?:[.!?。！？؟]+(?:(?=\s|$|[^\x00-\x7f])["'”’)\]]*\s*)?|\n+|$)/gu;

/**
 * Sentences without gaps between them, with their words. A sentence that is too long for a passage is cut
 * between words.
 */
function* sentencesOf(
  text: string,
  maxWords: number,
  maxCharacters: number,
): Generator<Span & { words: number }> {
  let from = 0;
  for (const [sentence] of text.matchAll(SENTENCE)) {
    if (sentence === '') continue;
    const words = sentence.length > maxCharacters ? Number.POSITIVE_INFINITY : countWords(sentence);
    const isLong = words > maxWords;
    for (const piece of isLong ? runsIn(sentence, maxCharacters) : [sentence]) {
      yield { from, to: from + piece.length, words: isLong ? countWords(piece) : words };
      from += piece.length;
    }
  }
}

/** So many characters of a script without spaces go three times into a passage. */
const RUN_CHARACTERS = 20;

/** Runs of a few words, one after the other. Never splits a surrogate pair. */
function* runsIn(text: string, maxCharacters = RUN_CHARACTERS): Generator<string> {
  const most = Math.min(maxCharacters, RUN_CHARACTERS);
  if (text.length <= most) {
    if (text !== '') yield text;
    return;
  }
  let run = '';
  for (const [word] of text.matchAll(/\S{1,20}\s*|\s+/gu)) {
    if (run !== '' && run.length + word.length > most) {
      yield run;
      run = '';
    }
    run += word;
  }
  yield run;
}

/**
 * What a text is made of: its sentences in runs of a few words, '' for white space between them. Those of a
 * passage are among its message's, and among those of any other that has its words in the same sentences.
 */
export function* runsOf(text: string): Generator<string> {
  for (const [sentence] of text.matchAll(SENTENCE)) for (const run of runsIn(sentence)) yield run.trim();
}
