/** What the two who talk with each other are called, where it is known. */
export type SpeakerNames = { user?: string | undefined; agent?: string | undefined };

/** Not "Dr." or "J.", which others are called too. */
const FIRST_NAME = /^[\p{L}\p{M}'’-]{2,}$/u;
const CAPITAL = /\p{Lu}/u;
const BEGINS_WITH_CAPITAL = /^\p{Lu}/u;

/**
 * A text as the user says it to the agent: "What did Anna ask Mara about Anna's dog?" becomes "What did I ask
 * you about my dog?". What is remembered says "I" and "you", and the model finds it alike only in this form.
 * Of a display name the first name alone counts too; each where it begins with a capital or as displayed, or
 * in any case if the text has no capitals. A text that names neither comes back as it is.
 */
export function inFirstPerson(text: string, names: SpeakerNames): string {
  const forms = new Map<string, readonly [pronoun: string, possessive: string]>();
  for (const form of formsOf(names.agent)) forms.set(form, ['you', 'your']);
  for (const form of formsOf(names.user)) forms.set(form, ['I', 'my']);
  if (forms.size === 0) return text;
  const folded = new Map([...forms].map(([form, words]) => [form.toLowerCase(), words]));
  const anyCase = !CAPITAL.test(text);
  // The longest first: a whole name before the first name that it begins with.
  const alternatives = [...forms.keys()].sort((a, b) => b.length - a.length).map(RegExp.escape);
  const pattern = new RegExp(
    `(?<![\\p{L}\\p{M}\\p{N}])(${alternatives.join('|')})(['’]s|(?<=s)['’])?(?![\\p{L}\\p{M}\\p{N}])`,
    'giu',
  );
  const composed = text.normalize('NFC');
  const spoken = composed.replace(pattern, (match: string, form: string, suffix?: string) => {
    const words = folded.get(form.toLowerCase());
    const isName = anyCase || forms.has(form) || BEGINS_WITH_CAPITAL.test(form);
    if (!words || !isName) return match;
    return suffix === undefined ? words[0] : words[1];
  });
  return spoken === composed ? text : spoken;
}

/** A display name, and the first name that it begins with. */
function formsOf(name = ''): string[] {
  const whole = name.normalize('NFC').trim();
  const [first = ''] = whole.split(/\s/u);
  return [whole, ...(FIRST_NAME.test(first) ? [first] : [])].filter(Boolean);
}
