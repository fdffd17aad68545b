import { countWords } from './words.ts';

/** Whether an exchange states anything worth remembering, judged by its texts without a model. */

/** Flag: the user only asks, so the user's message states nothing to remember. */
export const ONLY_ASKS = 1;
/** Flag: the reply says that it has no answer. */
export const NO_ANSWER = 2;

/** The flags of an exchange, for `exchange_passages.flags`. */
export function flagsOf(userText: string, replyText: string): number {
  return (onlyAsks(userText) ? ONLY_ASKS : 0) | (isNoAnswer(replyText) ? NO_ANSWER : 0);
}

/** True when the user's message is only a question, by the flags of its exchange. */
export function isOnlyAQuestion(flags: number): boolean {
  return (flags & ONLY_ASKS) !== 0;
}

/**
 * True for exchanges such as "What's my dog's name?" – "I don't know", by their flags. Recalling one would
 * take the place of the exchange that has the answer.
 */
export function isUnansweredQuestion(flags: number): boolean {
  return (flags & (ONLY_ASKS | NO_ANSWER)) === (ONLY_ASKS | NO_ANSWER);
}

const ENDS_ASKING = /[?？؟]["'”’)\]\s]*$/u;
const QUESTION_WORD =
  /^(?:and |so |ok |hey |hi )?(?:what|when|where|who|whom|whose|which|why|how|do|does|did|is|are|was|were|can|could|would|will|have|has|wer|was|wann|wo|wie|warum|welche[rsmn]?|kannst|weißt)\b/iu;
/** A sentence of up to this many words ("Hi!") states nothing. */
const GREETING_WORDS = 3;
/**
 * A question without a question mark is short. "how I met your mother is a long story …" is not a question.
 */
const UNPUNCTUATED_WORDS = 12;

/**
 * Where a clause ends, or a clause begins that gives a reason: "Can I eat this, since I am allergic to nuts?"
 * It matches one space at a time, so that a message of thirty thousand spaces causes no backtracking.
 */
const CLAUSE_END =
  /[,;:，；：、،؛–—]|\s-|\s(?=(?:because|since|given|although|though|but|weil|denn|aber)\s)/iu;
const OF_ONESELF = /^(?:(?:I|im|ive|we|my|our|ich|wir|mein\w*|unser\w*)\b|我)/iu;
/** A clause that only leads to a question: "I was wondering, what …" */
const LEADS_TO_QUESTION =
  /\b(?:wonder(?:ing|ed)?|forg[eo]t(?:ten)?|remember|remind|curious|tell me|to know|to ask|(?:told|asked) you|wissen|vergessen|erinner\w*|sag mir|frage?n?)\b|[吗呢什哪谁怎]|几(?!乎)|多少|多大|请问|告诉我/iu;
/** A clause that names something does state something: "I forgot my passport at the Hilton, what now?" */
const NAMES_SOMETHING = /\p{N}|\s(?!I\b)\p{Lu}/u;

/**
 * True when a text states nothing: every sentence but a greeting is a question without a further statement.
 */
export function onlyAsks(text: string): boolean {
  const sentences = text
    .split(/(?<=[.!?。！？؟])\s+|(?<=[。！？])|\n+/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');
  const [first = ''] = sentences;
  if (sentences.length === 1 && !ENDS_ASKING.test(first))
    return QUESTION_WORD.test(first) && countWords(first) <= UNPUNCTUATED_WORDS && !asksAndStates(first);
  return (
    sentences.some((sentence) => ENDS_ASKING.test(sentence)) &&
    sentences.every((sentence) =>
      ENDS_ASKING.test(sentence) ? !asksAndStates(sentence) : !statesSomething(sentence),
    )
  );
}

/** Whether a question also states something: "I'm vegan, can I eat this?" */
function asksAndStates(question: string): boolean {
  const clauses = question.split(CLAUSE_END).map((clause) => clause.trim());
  const others = clauses.filter((clause) => !QUESTION_WORD.test(clause) && !leadsToQuestion(clause));
  if (others.length < clauses.length) return others.some(statesSomething);
  // No clause looks like a question: the last one is it, unless it is long and about the user.
  const [last = ''] = others.slice(-1);
  return others.slice(0, -1).some(statesSomething) || (OF_ONESELF.test(last) && isLong(last));
}

function leadsToQuestion(clause: string): boolean {
  return LEADS_TO_QUESTION.test(clause) && !NAMES_SOMETHING.test(clause);
}

function statesSomething(clause: string): boolean {
  return isLong(clause) || OF_ONESELF.test(clause);
}

function isLong(clause: string): boolean {
  return countWords(clause) > GREETING_WORDS;
}

const FIRST_PERSON =
  /(?<![\p{L}\p{M}])(?:I|[Mm]y|me|[Mm]ine|[Ww]e|[Oo]ur|us|ich|mich|mir|[Mm]ein(?:e[mnrs]?)?|[Ww]ir|[Uu]nser(?:e[mnrs]?)?)(?![\p{L}\p{M}])/u;
/** Words that hardly an English or German question is without, and that other languages don't have. */
const KNOWN_LANGUAGE =
  /(?<![\p{L}\p{M}])(?:the|of|with|from|is|are|was|were|would|did|what|who|whose|where|when|how|why|which|does|has|have|you|this|that|der|das|ist|sind|wie|wer|wann|warum|welche[mnrs]?|ich|und|nicht|kann|hat|habe)(?![\p{L}\p{M}])/iu;
/** It can't be told whether a text in another language is in the first person: then it mostly is. */
const CANNOT_TELL = 0.8;

/** 1 for a text in the first person, 0 for another. Knows English and German. */
export function firstPersonOf(text: string): number {
  if (FIRST_PERSON.test(text)) return 1;
  return KNOWN_LANGUAGE.test(text) ? 0 : CANNOT_TELL;
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
