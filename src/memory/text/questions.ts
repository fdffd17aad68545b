import { wordsOf } from './terms.ts';

/** What an exchange's texts say of it, judged without a model; the user's, in any language. */

/** Flag: the user only asks, as the question marks have it. */
export const ONLY_ASKS = 1;
/** Flag: the reply says that it has no answer. */
export const NO_ANSWER = 2;

/** Flag of a search, never stored: by its words' counts, the user's message adds nothing to the query. */
export const ADDS_NOTHING = 4;
/** Flags of a search, never stored: the passage has nothing that the user says, or that the agent says. */
export const WITHOUT_USER = 8;
export const WITHOUT_AGENT = 16;

/** The flags of an exchange, for `exchange_passages.flags`. */
export function flagsOf(userText: string, replyText: string): number {
  return (onlyAsks(userText) ? ONLY_ASKS : 0) | (isNoAnswer(replyText) ? NO_ANSWER : 0);
}

/** True when the user's message is only a question, by the flags of its exchange. */
export function isOnlyAQuestion(flags: number): boolean {
  return (flags & ONLY_ASKS) !== 0;
}

/** True when the reply has no answer, by the flags of its exchange. */
export function hasNoAnswer(flags: number): boolean {
  return (flags & NO_ANSWER) !== 0;
}

const sentences = new Intl.Segmenter('und', { granularity: 'sentence' });
const IN_WORD = /[\p{L}\p{N}]/u;
/** A question mark of any script, in any width; the semicolon is the Greek one. */
const QUESTION_MARK =
  /[?\uff1f\ufe56\u203d\u2047-\u2049\u061f\u055e\u1367\u1945\ua60f\ua6f7\u{11143};\u037e]/u;

/**
 * True when each sentence of a text ends in a question mark. Such a text can tell something all the same:
 * "Did you know that I moved to Graz?"
 */
export function onlyAsks(text: string): boolean {
  const all = Array.from(sentences.segment(text), ({ segment }) => segment);
  const worded = all.filter((sentence) => IN_WORD.test(sentence));
  return worded.length > 0 && worded.every(endsAsking);
}

/** True when a question mark stands after a text's last word, whatever stands before. */
export function endsAsking(text: string): boolean {
  const afterLastWord = text.split(IN_WORD).at(-1) ?? '';
  return QUESTION_MARK.test(afterLastWord);
}

/** The pieces of a text's words. */
export function piecesOf(text: string): Set<string> {
  return new Set(wordsOf(text, 'stored').flatMap(({ pieces }) => pieces));
}

/** How much a text says: the sum of the weights of its words. */
export function weightOf(text: string): number {
  return wordsOf(text, 'asked').reduce((sum, { weight, optional }) => (optional ? sum : sum + weight), 0);
}

/**
 * How much a message says that the question does not: the sum of the weights of its words, each less what the
 * question holds of it. 0 for the question itself, in any language.
 * @param known the question's pieces, see `piecesOf`
 */
export function addedBy(message: string, known: ReadonlySet<string>): number {
  return wordsOf(message, 'asked').reduce((sum, { pieces, weight, optional }) => {
    const share = pieces.filter((piece) => known.has(piece)).length / pieces.length;
    return optional ? sum : sum + weight * (1 - share);
  }, 0);
}

/** "Sorry, what was my dog's name?" adds less than a word of full weight to "What is my dog's name?". */
const ONE_WORD = 1;

/**
 * Whether a message tells nothing beside the question, by what it adds to it. When in doubt it tells
 * something: without a question mark at its end it may add no word at all.
 */
export function addsNothing(asks: boolean, added: number): boolean {
  return asks ? added < ONE_WORD : added <= 0;
}

/** A message that says so much beside the question tells something, however it ends. */
const MUCH = 8;

/** Whether a message tells something for sure, by what it adds to the question. */
export function tellsMuch(added: number): boolean {
  return added >= MUCH;
}

/** A longer reply can begin with "I'm not sure" and still give an answer. */
const NO_ANSWER_CHARACTERS = 300;
const NO_ANSWER_PATTERNS = [
  /\bI (?:really )?(?:do not|don't|dont|can't|cannot|can not|couldn't) (?:actually |currently |yet )?(?:know|recall|remember|find|have (?:that|this|any|access|information|a record|the answer))/iu,
  /\b(?:I'm|I am) (?:not (?:sure|aware|certain)|unsure|unable to)/iu,
  /\byou (?:haven't|have not|didn't|did not|never) (?:yet )?(?:told|tell|mention|mentioned|share|shared|said|say)/iu,
  /\b(?:no|not any) (?:information|record|memory|mention|idea)\b/iu,
  /\b(?:weiß|weiss|wüsste) (?:ich )?(?:das |es )?(?:leider )?(?:noch )?nicht|\bkeine (?:Information|Ahnung|Angabe)|\bnoch nicht (?:gesagt|erzählt|verraten|mitgeteilt|erwähnt)/iu,
  /\bje ne sais pas|\bno lo sé|\bno sé\b|\bnon lo so\b|\bnão sei\b/iu,
  /不知道|不清楚|不记得|没有(?:告诉|提到|说过|相关)|わかりません|知りません/u,
  /لا أعرف|لا أعلم|لا أتذكر|لم تخبرني/u,
];

/**
 * True when a reply says that it has no answer. Knows English, and common phrases of a few other languages.
 */
export function isNoAnswer(reply: string): boolean {
  const text = reply.replaceAll('’', "'");
  return text.length <= NO_ANSWER_CHARACTERS && NO_ANSWER_PATTERNS.some((pattern) => pattern.test(text));
}
