/** One to ten, each in its forms, as languages count days and weeks with; of those that count in words. */
const WORDS: Readonly<Record<string, string>> = {
  en: 'a/an/one two three four five six seven eight nine ten',
  de: 'ein/eine/einem/einer/einen zwei drei vier fünf sechs sieben acht neun zehn',
  fr: 'un/une deux trois quatre cinq six sept huit neuf dix',
  es: 'un/una dos tres cuatro cinco seis siete ocho nueve diez',
  it: 'un/una due tre quattro cinque sei sette otto nove dieci',
  pt: 'um/uma dois/duas três quatro cinco seis sete oito nove dez',
  nl: 'een/één twee drie vier vijf zes zeven acht negen tien',
  sv: 'en/ett två tre fyra fem sex sju åtta nio tio',
  fi: 'yksi kaksi kolme neljä viisi kuusi seitsemän kahdeksan yhdeksän kymmenen',
  vi: 'một hai ba bốn năm sáu bảy tám chín mười',
  id: 'satu dua tiga empat lima enam tujuh delapan sembilan sepuluh',
  ru: 'один/одна/одну/одно два/две три четыре пять шесть семь восемь девять десять',
  uk: "один/одна/одну/одне два/дві три чотири п'ять шість сім вісім дев'ять десять",
  el: 'ένα/έναν/μία/μια δύο/δυο τρεις/τρία τέσσερις/τέσσερα πέντε έξι επτά/εφτά οκτώ/οχτώ εννέα/εννιά δέκα',
  ar: 'واحد/واحدة اثنين/اثنتين ثلاثة/ثلاث أربعة/أربع خمسة/خمس ستة/ست سبعة/سبع ثمانية/ثماني تسعة/تسع عشرة/عشر',
  he: 'אחד/אחת שני/שתי שלושה/שלוש ארבעה/ארבע חמישה/חמש שישה/שש שבעה/שבע שמונה תשעה/תשע עשרה/עשר',
  hi: 'एक दो तीन चार पाँच/पांच छह सात आठ नौ दस',
};

/** What a language's words for one to ten mean, the longest first. Empty where only digits are known. */
export function numberWords(locale: string): Map<string, number> {
  const words = (WORDS[locale] ?? '')
    .split(' ')
    .flatMap((forms, i) => forms.split('/').map((form) => [form, i + 1] as const));
  return new Map(words.filter(([form]) => form !== '').sort(([a], [b]) => b.length - a.length));
}
