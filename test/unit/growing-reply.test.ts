import { expect, jest, test } from '@jest/globals';
import { showGrowing } from '../../src/activities/growing-reply.ts';
import { eventually } from '../support/eventually.ts';

test('of thousands of texts that a reply has been, those that are shown are looked at, and no other', async () => {
  const shown: string[] = [];
  const looked: string[] = [];
  const show = (text: string): Promise<void> => {
    shown.push(text);
    return Promise.resolve();
  };
  const shownOf = (text: string): string => {
    looked.push(text);
    return text.replace('[[mark]]', '');
  };
  const growing = showGrowing({ everyMs: 50, show, shownOf });
  for (let length = 1; length <= 10_000; length += 1) growing.show('x'.repeat(length));
  growing.show('the end[[mark]]');
  await eventually(() => shown.includes('the end'));
  await growing.stop();
  expect(looked).toHaveLength(shown.length);
  expect(looked.length).toBeLessThan(100);
});

test('the longer a reply is, the more seldom it is shown while it grows', async () => {
  jest.useFakeTimers();
  const timesShown = async (letters: number): Promise<number> => {
    let shown = 0;
    const show = async (): Promise<void> => void (shown += 1);
    const growing = showGrowing({ everyMs: 100, show, shownOf: (text) => text });
    for (let at = 0; at < 10_000; at += 50) {
      growing.show('x'.repeat(letters + at));
      await jest.advanceTimersByTimeAsync(50);
    }
    await growing.stop();
    return shown;
  };
  expect(await timesShown(100)).toBeGreaterThan(40);
  expect(await timesShown(200_000)).toBeLessThan(7);
  jest.useRealTimers();
});
