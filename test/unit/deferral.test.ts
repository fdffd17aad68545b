import { expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { detailsOfDeferral, isFirstTry } from '../../src/activities/deferral.ts';

const firstTryOf = (info: { attempt: number; heartbeatDetails?: unknown }) =>
  new MockActivityEnvironment(info).run(() => Promise.resolve(isFirstTry()));

test.each([
  ['the first attempt', { attempt: 1 }, true],
  ['one that was put off twice', { attempt: 3, heartbeatDetails: { deferrals: 2 } }, true],
  ['one that was put off, and then begun', { attempt: 3, heartbeatDetails: { deferrals: 1 } }, false],
  ['one whose count is lost', { attempt: 2 }, false],
  ['one with the details of another attempt', { attempt: 2, heartbeatDetails: { paidAttempts: 1 } }, false],
])('%s', async (_, info, isFirst) => {
  expect(await firstTryOf(info)).toBe(isFirst);
});

test('a deferral keeps what stood in the details', () => {
  expect(detailsOfDeferral(undefined)).toEqual({ deferrals: 1 });
  expect(detailsOfDeferral({ channel: 'C1', deferrals: 1 })).toEqual({ channel: 'C1', deferrals: 2 });
});
