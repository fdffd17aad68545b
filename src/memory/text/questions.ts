import { countWords } from './words.ts';

/** What an exchange's texts give away without a model: whether it holds a statement at all. */

/** The user only asks: nothing in the user's part is a statement to remember. */
export const ONLY_ASKS = 1;
/** The answer says that there is none. */
export const NO_ANSWER = 2;

/** The flags of an exchange, for `exchange_passages.flags`. */
export function flagsOf(userText: string, replyText: string): number {
  return (onlyAsks(userText) ? ONLY_ASKS : 0) | (isNoAnswer(replyText) ? NO_ANSWER : 0);
}

/** By the flags of an exchange. */
export function holdsOnlyAQuestion(flags: number): boolean {
  return (flags & ONLY_ASKS) !== 0;
}

/** "What's my dog's name?" answered by "I don't know": remembering it would crowd out the statement. */
export function holdsNothing(flags: number): boolean {
  return (flags & (ONLY_ASKS | NO_ANSWER)) === (ONLY_ASKS | NO_ANSWER);
}

const ENDS_ASKING = /[?？؟]["'”’)\]\s]*$/u;
const QUESTION_WORD =
  /^(?:and |so |ok |hey |hi )?(?:what|when|where|who|whom|whose|which|why|how|do|does|did|is|are|was|were|can|could|would|will|have|has|wer|was|wann|wo|wie|warum|welche[rsmn]?|kannst|weißt)\b/iu;
/** "Hi!" before a question states nothing. */
const GREETING_WORDS = 3;
/** An unpunctuated question is short; "how I met your mother is a long story …" is not one. */
const UNPUNCTUATED_WORDS = 12;

/**
 * Where a clause ends, or one begins that gives a reason: "Can I eat this, since I am allergic to nuts?" One space
 * at a time, or thirty thousand of them would keep the thread for a second.
 */
const CLAUSE_END =
  /[,;:，；：、،؛–—]|\s-|\s(?=(?:because|since|given|although|though|but|weil|denn|aber)\s)/iu;
const OF_ONESELF = /^(?:(?:I|im|ive|we|my|our|ich|wir|mein\w*|unser\w*)\b|我)/iu;
/** "I was wondering, what …": states nothing but that something is asked. */
const LEADS_TO_QUESTION =
  /\b(?:wonder(?:ing|ed)?|forg[eo]t(?:ten)?|remember|remind|curious|tell me|to know|to ask|(?:told|asked) you|wissen|vergessen|erinner\w*|sag mir|frage?n?)\b|[吗呢什哪谁怎]|几(?!乎)|多少|多大|请问|告诉我/iu;
/** "I forgot my passport at the Hilton, what now?" does. */
const NAMES_SOMETHING = /\p{N}|\s(?!I\b)\p{Lu}/u;

/** True when nothing is stated: every sentence but a greeting is a question, and says nothing beside what it asks. */
export function onlyAsks(text: string): boolean {
  const sentences = text
    .split(/(?<=[.!?。！？؟])\s+|(?<=[。！？])|\n+/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');
  const [first = ''] = sentences;
  if (sentences.length === 1 && !ENDS_ASKING.test(first))
    return QUESTION_WORD.test(first) && countWords(first) <= UNPUNCTUATED_WORDS && !asksAndTells(first);
  return (
    sentences.some((sentence) => ENDS_ASKING.test(sentence)) &&
    sentences.every((sentence) => (ENDS_ASKING.test(sentence) ? !asksAndTells(sentence) : !tells(sentence)))
  );
}

/** Whether a question says something beside what it asks: "I'm vegan, can I eat this?" */
function asksAndTells(question: string): boolean {
  const clauses = question.split(CLAUSE_END).map((clause) => clause.trim());
  const others = clauses.filter((clause) => !QUESTION_WORD.test(clause) && !leadsToQuestion(clause));
  if (others.length < clauses.length) return others.some(tells);
  // None looks like a question: the last is it, unless it is long and about the one who asks.
  const [last = ''] = others.slice(-1);
  return others.slice(0, -1).some(tells) || (OF_ONESELF.test(last) && isLong(last));
}

function leadsToQuestion(clause: string): boolean {
  return LEADS_TO_QUESTION.test(clause) && !NAMES_SOMETHING.test(clause);
}

function tells(clause: string): boolean {
  return isLong(clause) || OF_ONESELF.test(clause);
}

function isLong(clause: string): boolean {
  return countWords(clause) > GREETING_WORDS;
}

const FIRST_PERSON =
  /\b(?:I|[Mm]y|me|[Mm]ine|[Ww]e|[Oo]ur|us|ich|mich|mir|[Mm]ein(?:e[mnrs]?)?|[Ww]ir|[Uu]nser(?:e[mnrs]?)?)\b/u;

/** True for a text that speaks of the one who writes it; knows English and German. */
export function isFirstPerson(text: string): boolean {
  return FIRST_PERSON.test(text);
}

/** A longer reply may open with "I'm not sure" and then be of use. */
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

/** True when a reply says that it has no answer; knows English and the plainest words of a few more languages. */
export function isNoAnswer(reply: string): boolean {
  const text = reply.replaceAll('’', "'");
  return text.length <= NO_ANSWER_CHARACTERS && NO_ANSWER_PATTERNS.some((pattern) => pattern.test(text));
}
