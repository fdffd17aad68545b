/** The languages of Latin script whose times are known. */
export const LATIN = ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'sv', 'fi', 'vi', 'id'] as const;
const OTHERS = ['ru', 'uk', 'ar', 'ja', 'zh-Hans', 'zh-Hant', 'ko', 'el', 'he', 'hi', 'th'] as const;
/** All languages whose times are known. */
export const LANGUAGES = [...LATIN, ...OTHERS] as const;
/** A language whose times are known, as a locale. */
export type Language = (typeof LANGUAGES)[number];

/** What scripts tell of the languages: of Chinese characters alone nobody knows whose they are. */
const OF_SCRIPT: ReadonlyArray<readonly [RegExp, readonly Language[]]> = [
  [/\p{Script=Cyrillic}/gu, ['ru', 'uk']],
  [/\p{Script=Arabic}/gu, ['ar']],
  [/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu, ['ja', 'zh-Hans', 'zh-Hant']],
  [/\p{Script=Hangul}/gu, ['ko']],
  [/\p{Script=Greek}/gu, ['el']],
  [/\p{Script=Hebrew}/gu, ['he']],
  [/\p{Script=Devanagari}/gu, ['hi']],
  [/\p{Script=Thai}/gu, ['th']],
];

/**
 * Words that sentences of a language are joined by. Without them "hier" (French yesterday) would be read in
 * German, and "3 Mars bars" as a day in March.
 */
const JOINING: Readonly<Record<(typeof LATIN)[number], string>> = {
  en: 'the and is was were what when where who how did do does i you my your we have has had to of in on at it that for with',
  de: 'der die das den dem und ist war waren was wann wo wer wie ich du wir mein meine haben hat habe nicht ein eine am im zu mit',
  fr: 'le la les et est était que qu quand où qui comment je j tu nous mon ma mes ai avons pas un une des du de au en ce c',
  es: 'el la los las y es era qué que cuándo dónde quién cómo yo mi mis he hice no un una de del en con por se',
  it: 'il la gli le e è era che cosa quando dove chi come io mio mia ho abbiamo non un una di del della in con ha',
  pt: 'o a os as e é era que quando onde quem como eu meu minha fiz não um uma de do da em com no na',
  nl: 'de het en is was wat wanneer waar wie hoe ik je we mijn heb hebben niet een van op in met te deed',
  sv: 'och är var vad när vem hur jag du vi min mitt har hade inte en ett av på i med det som att',
  fi: 'ja on oli mitä mikä milloin missä kuka miten minä sinä minun me olen ei se että kun',
  vi: 'và là tôi bạn gì khi nào đâu ai của đã không có một những được',
  id: 'dan adalah apa kapan mana siapa bagaimana saya aku kamu kami kita yang di ke tidak dengan itu ini',
};
const JOINS = new Map<string, Language[]>();
for (const language of LATIN)
  for (const word of JOINING[language].split(' ')) JOINS.set(word, [...(JOINS.get(word) ?? []), language]);

/** A text is read in no more of them: each takes its time, also where a text has a letter of each script. */
const MOST_LANGUAGES = 4;

/**
 * The languages that a text is in, those of most letters first: those of its scripts, and of Latin script
 * those with most joining words. Empty when nothing tells.
 */
export function languagesOf(text: string): Language[] {
  const ofScripts = OF_SCRIPT.map(([script, languages]) => ({
    languages,
    letters: text.match(script)?.length ?? 0,
  }));
  const words = text.toLowerCase().match(/[\p{Script=Latin}\p{M}]+/gu) ?? [];
  const joined = Map.groupBy(
    words.flatMap((word) => JOINS.get(word) ?? []),
    (language) => language,
  );
  const most = Math.max(...[...joined.values()].map(({ length }) => length));
  const ofWords = [...joined].flatMap(([language, { length }]) => (length === most ? [language] : []));
  return [...ofScripts, { languages: ofWords, letters: words.join('').length }]
    .filter(({ letters }) => letters > 0)
    .sort((a, b) => b.letters - a.letters)
    .flatMap(({ languages }) => languages)
    .slice(0, MOST_LANGUAGES);
}
