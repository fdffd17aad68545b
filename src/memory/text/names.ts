import { normalized } from '../../lib/normalized.ts';

/** What the two who talk with each other are called, where it is known. */
export type SpeakerNames = { user?: string | undefined; agent?: string | undefined };

/** Not "Dr." or "J.", which others are called too. */
const FIRST_NAME = /^[\p{L}\p{M}'’-]{2,}$/u;
const CAPITAL = /\p{Lu}/u;
const BEGINS_WITH_CAPITAL = /^\p{Lu}/u;

/** One of the two. */
export type Speaker = keyof SpeakerNames;

const PRONOUNS = { user: ['I', 'my'], agent: ['you', 'your'] } as const;

/**
 * A text as the user says it to the agent: "What did Anna ask Mara about Anna's dog?" becomes "What did I ask
 * you about my dog?". What is remembered says "I" and "you", and the model finds it alike only in this form.
 * Of a display name the first name alone counts too; each where it begins with a capital or as displayed, or
 * in any case if the text has no capitals. A text that names neither comes back as it is.
 */
export function inFirstPerson(text: string, names: SpeakerNames): string {
  return replaceNames(text, names, (who, { possessive }) => PRONOUNS[who][possessive ? 1 : 0]);
}

/** Who is called is called within so many letters of an end: "Hello Mara, where do I live?" */
const CALL_LETTERS = 20;
const AT_MOST_A_WORD = /^\P{L}*\p{L}*\P{L}*$/u;

/** Whom a text names, other than by calling them: "Mara, where do I live?" says nothing of Mara. */
export function namedIn(text: string, names: SpeakerNames): ReadonlySet<Speaker> {
  const named = new Set<Speaker>();
  replaceNames(text, names, (who, { possessive, before, after }) => {
    const opens =
      before.length < CALL_LETTERS && AT_MOST_A_WORD.test(before) && /^\s*[,:!،，、]/u.test(after);
    const closes =
      after.length < CALL_LETTERS &&
      !/\p{L}/u.test(after) &&
      /[,،，、]\s*$/u.test(before.slice(-CALL_LETTERS));
    if (possessive || !(opens || closes)) named.add(who);
    return '';
  });
  return named;
}

type Place = { possessive: boolean; before: string; after: string };

function replaceNames(
  text: string,
  names: SpeakerNames,
  replacement: (who: Speaker, place: Place) => string,
): string {
  const forms = new Map<string, Speaker>();
  for (const form of formsOf(names.agent)) forms.set(form, 'agent');
  for (const form of formsOf(names.user)) forms.set(form, 'user');
  if (forms.size === 0) return text;
  const folded = new Map([...forms].map(([form, who]) => [form.toLowerCase(), who]));
  const anyCase = !CAPITAL.test(text);
  // The longest first: a whole name before the first name that it begins with.
  const alternatives = [...forms.keys()].sort((a, b) => b.length - a.length).map(RegExp.escape);
  const pattern = new RegExp(
    `(?<![\\p{L}\\p{M}\\p{N}])(${alternatives.join('|')})(['’]s|(?<=s)['’])?(?![\\p{L}\\p{M}\\p{N}])`,
    'giu',
  );
  const composed = normalized(text, 'NFC');
  const spoken = composed.replace(
    pattern,
    (match: string, form: string, suffix: string | undefined, at: number) => {
      const who = folded.get(form.toLowerCase());
      const isName = anyCase || forms.has(form) || BEGINS_WITH_CAPITAL.test(form);
      if (!who || !isName) return match;
      const [before, after] = [composed.slice(0, at), composed.slice(at + match.length)];
      return replacement(who, { possessive: suffix !== undefined, before, after });
    },
  );
  return spoken === composed ? text : spoken;
}

/** A display name, and the first name that it begins with. */
function formsOf(name = ''): string[] {
  const whole = name.normalize('NFC').trim();
  const [first = ''] = whole.split(/\s/u);
  return [whole, ...(FIRST_NAME.test(first) ? [first] : [])].filter(Boolean);
}
