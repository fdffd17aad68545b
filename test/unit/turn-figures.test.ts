/** What the ledger keeps of how a turn went. */
import { expect, test } from '@jest/globals';
import { soundFigures, turnFigures } from '../../src/domain/turn-figures.ts';

const TOLD = {
  recalled: [],
  receipt: { match: 0.2, threshold: 0.4, nearestMiss: null },
  timingsMs: { window: 1, embed: 8, recall: 5 },
};
const STEPS = {
  receivedAt: '2026-11-29T10:00:00.000Z',
  repliedAt: '2026-11-29T10:00:01.500Z',
  waitedMs: 20,
  told: TOLD,
  answer: { timingsMs: { firstToken: 200, total: 900 } },
  missing: [],
};

test('an answered turn has its times, and how much was recalled', () => {
  expect(turnFigures(STEPS)).toEqual({
    missing: [],
    recalled: 0,
    timingsMs: { waited: 20, window: 1, embed: 8, recall: 5, firstToken: 200, llm: 900, total: 1_500 },
  });
});

test('where recall was not asked, or failed, nothing was recalled in vain', () => {
  const { receipt: _, ...told } = TOLD;
  expect(turnFigures({ ...STEPS, told }).recalled).toBeNull();
});

test.each([undefined, null, 'words', 7, [], { missing: 'all', recalled: -1, timingsMs: 'long' }])(
  'of what can’t be figures nothing is kept: %j',
  (given) => {
    expect(soundFigures(given)).toEqual({ missing: [], recalled: null, timingsMs: {} });
  },
);

test('of what is forged the sound part is kept', () => {
  const forged = {
    missing: ['recall', 'recall', 'a secret'],
    recalled: 2.4,
    timingsMs: { llm: 12.3456, window: Number.NaN, total: 1e300, 'a secret': 1 },
    more: 'a secret',
  };
  expect(soundFigures(forged)).toEqual({ missing: ['recall'], recalled: 2, timingsMs: { llm: 12.3 } });
});
