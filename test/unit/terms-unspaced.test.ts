/** Words of scripts that put no spaces between them: what they are, and how often they are looked for. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { wordsOf } from '../../src/memory/text/terms.ts';
import { filled } from '../support/hostile-texts.ts';

const SENTENCES = {
  Thai: 'สวัสดีครับ ผมชอบกินข้าวผัดกระเพราและดื่มชาเย็นทุกวัน ร้านอาหารอยู่ใกล้บ้าน ๆ ของฉัน โทร 02-123-4567 ฯลฯ',
  Lao: 'ສະບາຍດີ ຂ້ອຍມັກກິນເຂົ້າໜຽວ ແລະ ດື່ມກາເຟທຸກໆມື້ ຫມາຂອງຂ້ອຍຊື່ Rex',
  Khmer: 'សួស្តី ខ្ញុំចូលចិត្តញ៉ាំបាយសាច់ជ្រូក។ បងស្រីខ្ញុំរស់នៅភ្នំពេញ ជាមួយក្រុមគ្រួសារ',
  Burmese: 'မင်္ဂလာပါ။ ကျွန်တော် မုန့်ဟင်းခါး စားရတာ ကြိုက်တယ် ခွေးနာမည်က Rex ဖြစ်ပါတယ်။',
  Chinese: '我的狗叫雷克斯，它今年五岁了。 你还记得 我的电话号码 是多少吗？',
  Japanese: '私の犬の名前は レックスです。 東京都に住む 田中さんは、ラーメンが好きだった。',
};

describe.each(['stored', 'asked'] as const)('of a text that is %s', (side) => {
  test.each(Object.entries(SENTENCES))('%s words are the same alone and beside others', (_, text) => {
    const alone = text.split(' ').flatMap((chunk) => wordsOf(chunk, side));
    const distinct = [...new Map(alone.toReversed().map((word) => [word.word, word])).values()];
    const byWord = (words: typeof alone) => words.toSorted((a, b) => (a.word < b.word ? -1 : 1));
    expect(distinct.length).toBeGreaterThan(7);
    // A phone number is joined over its groups.
    const beside = wordsOf(text, side).filter(({ optional }) => !optional);
    expect(byWord(beside)).toEqual(byWord(distinct.filter(({ optional }) => !optional)));
  });
});

describe('a text is cut in one go', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test.each([
    ['letters each alone', 'ก ข ກ ຂ ក ខ က ခ '],
    ['letters beside Latin ones', 'กaขbກcຂd'],
    ['words of two letters', 'กข-คง-'],
  ])('%s', (_, unit) => {
    const cut = jest.spyOn(Intl.Segmenter.prototype, 'segment');
    wordsOf(filled(unit, 8_000), 'stored');
    expect(cut).toHaveBeenCalledTimes(1);
  });
});
