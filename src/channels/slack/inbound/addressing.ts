/**
 * To whom a message speaks that doesn't name the agent. Pure, and linear in the text's length. Asked for by
 * NousResearch/hermes-agent#60407.
 */
import { piecesOf, withoutCode } from './inbound-text.ts';

/** Where a message's opening mention stands, if it has one. */
const OPENING_LENGTH = 1_000;

/**
 * What only leads up to a name: greetings, thanks, "please". Any other word is said to whom the thread is
 * shared with ("no, <@U2> owns it", "ask <@U2>"), so in doubt the agent answers.
 */
const COURTESIES = [
  'hi( there| all)?|hello( there)?|hey( there)?|hiya|howdy|yo|good (morning|afternoon|evening|day)|morning',
  'dear|welcome|bye|cheers|sorry|congrats|congratulations|please',
  '(many )?(thanks|thx|ty|thank you)( so much| very much| a lot| again)?',
  'hallo|moin|servus|grüß (dich|gott)|guten (morgen|tag|abend)|liebe[rs]?|bitte',
  '((vielen|herzlichen|besten|lieben|tausend) )?dank(e( dir| schön| sehr)?)?',
  'bonjour|bonsoir|salut|coucou|(un grand )?merci( beaucoup| bien)?|s il (te|vous) plaît',
  'hola|buenos días|buenas( tardes| noches)?|(muchas |mil )?gracias|por favor',
  'ciao|buongiorno|buonasera|(mille |molte )?grazie( mille)?|per favore',
  'olá|oi|bom dia|boa (tarde|noite)|(muito )?obrigad[oa]',
  'hej|hoi|dag|goede(morgen|middag)|dank (je|u)( wel)?|tack( så mycket)?|(tusen |mange )?takk?|hei|moi|kiitos( paljon)?',
  'cześć|dzień dobry|dziękuję( bardzo)?|dzięki|ahoj|dobrý den|děkuji|díky|szia|köszönöm( szépen)?',
  'merhaba|selam|günaydın|(çok )?teşekkür(ler| ederim)|lütfen|xin chào|chào|cảm ơn|terima kasih',
  'привет|здравствуйте|доброе утро|добрый (день|вечер)|(большое )?спасибо( большое)?|пожалуйста|привіт|дякую',
  'שלום|תודה( רבה)?|בבקשה|مرحبا|السلام عليكم|شكرا( جزيلا)?|नमस्ते|धन्यवाद|สวัสดี|ขอบคุณ',
  '你好|您好|早上好|谢谢|謝謝|多谢|请|嗨|こんにちは|おはよう(ございます)?|お疲れ様です|(どうも)?ありがとう(ございます|ございました)?|すみません',
  '안녕|안녕하세요|좋은 아침( 입니다)?|고마워요?|고맙습니다|감사합니다',
];
const COURTEOUS = new RegExp(`^(?:(?:${COURTESIES.join('|')})(?: |$))*$`, 'u');
/** What is longer is no greeting. */
const MAX_COURTESY_LENGTH = 60;

/**
 * Whether a raw text is for somebody else: the first thing in it that is neither decoration, quotation nor
 * courtesy is the mention of another person, of a group or of everybody.
 */
export function opensWithAnother(raw: string, userId: string): boolean {
  let before = '';
  for (const piece of piecesOf(withoutCode(withoutQuotes(raw)).slice(0, OPENING_LENGTH))) {
    if (typeof piece === 'string') {
      before += piece;
      continue;
    }
    const { target } = piece;
    const isPerson = target.startsWith('@') && target !== `@${userId}`;
    const isGroup = target.startsWith('!') && !target.startsWith('!date');
    return (isPerson || isGroup) && isLeadingUp(before);
  }
  return false;
}

/** Marks, emoji and courtesies. The number of an item in a list is a mark. */
function isLeadingUp(before: string): boolean {
  const words = before.replace(/:[\w+'-]{1,100}:/g, ' ').match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const spoken = words
    .filter((word) => !/^\p{N}+$/u.test(word))
    .join(' ')
    .toLowerCase();
  return spoken.length <= MAX_COURTESY_LENGTH && COURTEOUS.test(spoken);
}

/** Without the lines that quote; three marks quote all that follows. */
function withoutQuotes(raw: string): string {
  const lines = raw.split('\n');
  const isQuote = (line: string, mark: string) => line.trimStart().startsWith(mark);
  const rest = lines.findIndex((line) => isQuote(line, '&gt;&gt;&gt;'));
  return lines
    .slice(0, rest < 0 ? undefined : rest)
    .filter((line) => !isQuote(line, '&gt;'))
    .join('\n');
}
