import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toQueryMasks, toTermVector } from '../../src/memory/text/search-terms.ts';
import { wordsOf } from '../../src/memory/text/terms.ts';
import { expectNoFasterThanLength } from '../support/growth.ts';

const words = (text: string) => wordsOf(text, 'asked').map(({ word }) => word);
const pieces = (text: string, side: 'stored' | 'asked' = 'asked') =>
  new Set(wordsOf(text, side).flatMap((word) => word.pieces));
const common = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...a].filter((one) => b.has(one));
/** The share of a question's pieces that a stored text has. */
const shared = (stored: string, asked: string) =>
  common(pieces(stored, 'stored'), pieces(asked)).length / pieces(asked).size;

describe('words', () => {
  test.each([
    ['case, width and accents', 'ＪÖRG straße', ['JORG', 'STRASSE']],
    ['both Turkish i and both Greek sigmas', 'ışık ΙΣΤΟΣ ιστός', ['ISIK', 'ΙΣΤΟΣ']],
    ['vowel points and the tatweel', 'اِبْنَتِي ابنـتي', ['ابنتي']],
    ['soft hyphens and joiners', 'Fuß\u00adball می\u200cخواهم', ['FUSSBALL', 'میخواهم']],
    ['apostrophes of any form', 'l’ami İzmir’de', ['L', 'AMI', 'IZMIR', 'DE']],
    ['digits of any script', '٤٤٧١ ४४७१ 4471', ['4471']],
    ['scripts', 'Rex는 今Anna', ['REX', '는'.normalize('NFD'), '=REX는'.normalize('NFD'), '今', 'ANNA']],
    ['Thai words', 'หมาของฉัน', ['หมา', 'ของ', 'ฉัน']],
    ['pairs of Chinese characters', '我女儿', ['我女', '女儿', '我']],
  ])('%s', (_what, text, expected) => expect(words(text)).toEqual(expected));

  test.each(['RX-4471', 'rx4471', 'Rx/4471', 'RX_4471'])('%s is found by its parts and as joined', (id) => {
    expect(words(id)).toEqual(['RX', '4471', '=RX4471']);
  });

  test.each([
    ['userName', 'user_name'],
    ['anna.berg@firma.de', 'Anna.Berg@Firma.DE'],
    ['40,000', '40000'],
    ['https://example.com/a?b=1', 'example.com'],
    ['4471', 'RX4471'],
    ['+49 (30) 901820', '+4930901820'],
    ['+49 (30) 901820', '0049 30 90 18 20'],
    ['+49 (30) 901820', '030 901820'],
    ['0171-555 01 23', '0171 5550123'],
    ['2024/00317', '317'],
  ])('%s and %s have something whole in common', (a, b) => {
    const all = (text: string) => new Set([...pieces(text), ...words(text).map((word) => `=${word}`)]);
    expect(common(all(a), all(b))).not.toEqual([]);
  });

  test('a number is not nearly another number', () => expect(shared('4471', '4472')).toBe(0));

  test.each([
    ['강아지는', '강아지의'],
    ['kissani', 'kissat'],
    ['bahçedeki', 'bahçede'],
    ['nagymamám', 'nagymama'],
    ['והמפתח', 'מפתח'],
    ['بالقاهرة', 'القاهرة'],
    ['собаку', 'собака'],
    ['Versicherungsnummer', 'Krankenversicherung'],
    ['लड़कियों', 'लड़की'],
    ['犬の名前', '犬は名前'],
  ])('%s and %s share pieces', (a, b) => expect(shared(a, b)).toBeGreaterThanOrEqual(0.25));

  test.each([
    ['one word', 'x'],
    ['Thai', 'ไม่ใช่หมาของฉันชื่อ'],
    ['one Thai letter', 'ก'],
    ['Chinese', '我'],
    ['marks', '\u0301'],
    ['hyphens', 'a-'],
    ['camel case', 'aB'],
    ['invisible characters', '\u200d'],
    ['foreign digits', '٤'],
    ['a ligature of 18 letters', '\ufdfa'],
    ['all scripts', 'aก1我가'],
    ['apostrophes', "'"],
  ])('the time for %s grows no faster than the text', (_what, unit) => {
    const shape = (length: number) => unit.repeat(length / unit.length);
    expectNoFasterThanLength(shape, (text) => {
      toTermVector(wordsOf(text, 'stored'));
      toQueryMasks(wordsOf(text, 'asked'));
    });
  });

  test('what is written in few letters is not read as many', () => {
    const lettersOf = (text: string) =>
      wordsOf(text, 'stored').reduce((sum, { word }) => sum + word.length, 0);
    expect(shared('ﷺ', 'صلى الله عليه وسلم')).toBe(1);
    for (const letter of ['ﷺ', '㌕', '﷼', '⑽', '㏿', 'ﬃ', '…']) {
      const text = Array.from({ length: 450 }, (_, i) => `${letter}${i} `).join('');
      expect(lettersOf(text)).toBeLessThan(3 * text.length);
    }
  });

  test('any text has words, and none without pieces', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        for (const word of wordsOf(text, 'stored')) expect(word.pieces.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('vectors', () => {
  const sizeOf = (vector: string) => vector.split(',').length;

  test('a row never has more pieces than fit on its page, and keeps the beginning of every word', () => {
    const long = Array.from({ length: 500 }, (_, i) => `wort${i.toString(26)}gebilde`).join(' ');
    expect(sizeOf(toTermVector(wordsOf(long, 'stored')))).toBe(800);
    const last = toTermVector([{ pieces: ['_WOR'] }]);
    expect(toTermVector(wordsOf(long, 'stored'))).toContain(last.slice(1, last.indexOf('}')));
  });

  test('the counts of a mask never overlap', () => {
    const { words: asked } = toQueryMasks(
      wordsOf('Donaudampfschifffahrtsgesellschaft und Rad und Tat 17', 'asked'),
    );
    const taken = asked.map(({ mask, shift, pieces: n }) => [24 * mask + shift, 32 - Math.clz32(n)] as const);
    for (const [from, bits] of taken) {
      expect((from % 24) + bits).toBeLessThanOrEqual(24);
      expect(taken.filter(([other]) => other >= from && other < from + bits)).toHaveLength(1);
    }
  });

  test('of a long message the first and the last words are asked', () => {
    const text = Array.from({ length: 1_000 }, (_, i) => String(i)).join(' ');
    const { masks, words: asked } = toQueryMasks(wordsOf(text, 'asked'));
    expect([masks.length, asked.length]).toEqual([2, 48]);
    expect(asked.map(({ word }) => word)).toEqual(expect.arrayContaining(['0', '23', '976', '999']));
  });
});
