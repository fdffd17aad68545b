import { describe, expect, test } from '@jest/globals';
import { languagesOf } from '../../src/memory/text/languages.ts';
import { daysNamedIn, timeRangeOf } from '../../src/memory/text/time-range.ts';

// A Wednesday.
const NOW = new Date('2026-11-04T10:30:00Z');
const day = (at: number) => new Date(at).toISOString().slice(0, 10);

describe('the time that a question mentions', () => {
  test.each([
    ['What did I do yesterday?', '2026-11-03', '2026-11-04'],
    ['What did we say this morning?', '2026-11-04', '2026-11-05'],
    ['Where was I last week?', '2026-10-26', '2026-11-02'],
    ['Where was I this week?', '2026-11-02', '2026-11-09'],
    ['What was on last weekend?', '2026-10-31', '2026-11-02'],
    ['Who called last month?', '2026-10-01', '2026-11-01'],
    ['Who called last year?', '2025-01-01', '2026-01-01'],
    ['Who called two days ago?', '2026-11-02', '2026-11-03'],
    ['Who called 3 weeks ago?', '2026-10-10', '2026-10-18'],
    ['Who called a month ago?', '2026-10-01', '2026-11-01'],
    ['Who called last Friday?', '2026-10-30', '2026-10-31'],
    ['Who called on Wednesday?', '2026-10-28', '2026-10-29'],
    ['What happened in May?', '2026-05-01', '2026-06-01'],
    ['What happened in December?', '2025-12-01', '2026-01-01'],
    ['What happened in May 2023?', '2023-05-01', '2023-06-01'],
    ['What happened in 2022?', '2022-01-01', '2023-01-01'],
    ['What happened on 7 July 2023?', '2023-07-07', '2023-07-08'],
    ['What happened on July 7th, 2023?', '2023-07-07', '2023-07-08'],
    ['What happened on the 7th of July?', '2026-07-07', '2026-07-08'],
    ['What happened on 2023-07-07?', '2023-07-07', '2023-07-08'],
  ])('%s', (question, from, to) => {
    const range = timeRangeOf(question, NOW);
    expect(range && [day(range.from), day(range.to)]).toEqual([from, to]);
  });

  test.each([
    ['Was war gestern?', '2026-11-03', '2026-11-04'],
    ['Wo war ich vorgestern Abend?', '2026-11-02', '2026-11-03'],
    ['Wer hat vorige Woche angerufen?', '2026-10-26', '2026-11-02'],
    ['Was haben wir diese Woche gemacht?', '2026-11-02', '2026-11-09'],
    ['Was war vor drei Tagen?', '2026-11-01', '2026-11-02'],
    ['Wer kam letzten Freitag?', '2026-10-30', '2026-10-31'],
    ['Was war am 8. Mai 2023?', '2023-05-08', '2023-05-09'],
    ['Qu’ai-je fait le 8 mai ?', '2026-05-08', '2026-05-09'],
    ['Qui est venu hier soir ?', '2026-11-03', '2026-11-04'],
    ['Où étais-je avant-hier ?', '2026-11-02', '2026-11-03'],
    ['Qu’est-ce qui s’est passé l’année dernière ?', '2025-01-01', '2026-01-01'],
    ['¿Qué hice anteayer?', '2026-11-02', '2026-11-03'],
    ['¿Qué hice la semana pasada?', '2026-10-26', '2026-11-02'],
    ['¿Qué pasó hace 3 días?', '2026-11-01', '2026-11-02'],
    ['¿Qué pasó en mayo de 2023?', '2023-05-01', '2023-06-01'],
    ['Che cosa ho fatto il mese scorso?', '2026-10-01', '2026-11-01'],
    ['Che cosa ho detto due giorni fa?', '2026-11-02', '2026-11-03'],
    ['O que eu fiz no mês passado?', '2026-10-01', '2026-11-01'],
    ['Wat deed ik vorige week?', '2026-10-26', '2026-11-02'],
    ['Vad gjorde jag i förrgår?', '2026-11-02', '2026-11-03'],
    ['Mitä tein viime viikolla?', '2026-10-26', '2026-11-02'],
    ['Tôi đã làm gì tháng trước?', '2026-10-01', '2026-11-01'],
    ['Apa yang saya lakukan kemarin?', '2026-11-03', '2026-11-04'],
    ['Что я делал на прошлой неделе?', '2026-10-26', '2026-11-02'],
    ['Кто звонил три дня назад?', '2026-11-01', '2026-11-02'],
    ['Що я робив позавчора?', '2026-11-02', '2026-11-03'],
    ['ماذا فعلت الأسبوع الماضي؟', '2026-10-26', '2026-11-02'],
    ['先月は何をした？', '2026-10-01', '2026-11-01'],
    ['先週の金曜日に何をした？', '2026-10-26', '2026-11-02'],
    ['5月8日に何をした？', '2026-05-08', '2026-05-09'],
    ['我上个月做了什么？', '2026-10-01', '2026-11-01'],
    ['我上周五做了什么？', '2026-10-30', '2026-10-31'],
    ['上週我做了什麼？', '2026-10-26', '2026-11-02'],
    ['지난주에 뭐 했어?', '2026-10-26', '2026-11-02'],
    ['3일 전에 뭐 했어?', '2026-11-01', '2026-11-02'],
    ['Τι έκανα χθες;', '2026-11-03', '2026-11-04'],
    ['מה עשיתי אתמול?', '2026-11-03', '2026-11-04'],
    ['เมื่อวานฉันทำอะไร', '2026-11-03', '2026-11-04'],
    ['पिछला सप्ताह कैसा था?', '2026-10-26', '2026-11-02'],
    ['vorige Woche?', '2026-10-26', '2026-11-02'],
    ['hier', '2026-11-03', '2026-11-04'],
  ])('in its language: %s', (question, from, to) => {
    const range = timeRangeOf(question, NOW);
    expect(range && [day(range.from), day(range.to)]).toEqual([from, to]);
  });

  test('of several the first that has begun', () => {
    const range = timeRangeOf('Guten Morgen! Wie war das vorige Woche, und was ist am 8. Mai?', NOW);
    expect(range && day(range.from)).toBe('2026-10-26');
  });

  test('it stands at either end of a long message', () => {
    const long = 'and so on and on '.repeat(200);
    for (const text of [`yesterday ${long}`, `${long} yesterday`])
      expect(timeRangeOf(text, NOW)).not.toBeNull();
  });

  test.each([
    'What is my name?',
    'May I ask something?',
    'I have 3 cats',
    'What happened on 45 July?',
    'Was passierte im Mai?',
    'What is on tomorrow?',
    'The sun is out and we sat there',
    'I will march on',
    'Give me a sec, a second later I called',
    'Call at 5, or at 5pm, for two years',
    'The 5 of us paid 2024 euros',
    'Version 1.2.3 has 3/4 of it, see 192.168.1.1',
    'Good morning, every evening, in the afternoon',
    'What do we do now?',
    '3 Mars bars',
    'set 5 alarms',
    '5',
    '2024',
    'sun',
    'mar',
    'so',
    'Was ist hier passiert?',
    'Guten Morgen! Wie heiße ich?',
    'Er ist 5 Jahre alt, so war es am Morgen',
    'Wat is hier gebeurd?',
    'ma di wo do vr za zo',
    'Bonjour mon ami, la mer est belle à midi',
    'La mayo está rica por la tarde, el mar y el sol',
    'Non ho mai detto che ora è, buona sera',
    'Boa tarde, segunda opção ou terça parte',
    'Jag mår bra, må du också må bra',
    'Ma ti ke to pe la su',
    'Chào buổi sáng, một năm có gì?',
    'Selamat pagi, saya dua hari di sini',
    'Доброе утро, сейчас мне пять лет',
    'おはよう、今は何時ですか',
    '现在是下午好，三个人',
    'صباح الخير، ماذا الآن؟',
    'कल क्या हुआ?',
  ])('none: %s', (question) => expect(timeRangeOf(question, NOW)).toBeNull());
});

describe('the days that a message names, beside its own', () => {
  // A Friday.
  const SAID = new Date('2023-05-05T21:00:00Z');
  test.each([
    ['Yesterday I went to the choir', ['2023-05-04']],
    ['The dentist is tomorrow', ['2023-05-06']],
    ['I was there today, and I will be here tonight', []],
    ['We met last Tuesday and on the 2nd of April', ['2023-05-02', '2023-04-02']],
    ['The fair is on 2 January', ['2023-01-02']],
    ['We are away from 8 to 10 May 2024', ['2024-05-08', '2024-05-10']],
    ['Last week, last month and in 2022 we were there', []],
    ['Gestern war ich im Chor', ['2023-05-04']],
    ['Hier j’étais à la chorale', ['2023-05-04']],
    ['昨天我去了合唱团', ['2023-05-04']],
    ['Yesterday, and yesterday again', ['2023-05-04']],
    ['I ate 3 Mars bars at 5, and I may go on', []],
  ])('%s', (message, days) => {
    expect(daysNamedIn(message, SAID).map((at) => day(at.getTime()))).toEqual(days);
  });

  test('five at most', () => {
    const many = Array.from({ length: 20 }, (_, i) => `on ${i + 6} May 2023`).join(' and ');
    expect(daysNamedIn(`We meet ${many}`, SAID)).toHaveLength(5);
  });
});

test('a text is read in the few languages that most of it is in', () => {
  const ofEachScript = 'и в 今天 어제 χθες אתמול कल เมื่อวาน أمس the der le el il o de är on là dan';
  expect(languagesOf(ofEachScript).length).toBeLessThanOrEqual(4);
  expect(languagesOf(`${ofEachScript} ${'Что я делал на прошлой неделе? '.repeat(5)}`).slice(0, 2)).toEqual([
    'ru',
    'uk',
  ]);
  expect(languagesOf('What did I do, Анна?')).toEqual(['en', 'ru', 'uk']);
  expect(languagesOf('12 34')).toEqual([]);
});
