import { describe, expect, test } from '@jest/globals';
import { timeRangeOf } from '../../src/memory/text/time-range.ts';

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
    'What is my name?',
    'May I ask something?',
    'I have 3 cats',
    'What happened on 45 July?',
    'Was passierte im Mai?',
  ])('none: %s', (question) => expect(timeRangeOf(question, NOW)).toBeNull());
});
