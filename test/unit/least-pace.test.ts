import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { watchPace } from '../../src/lib/least-pace.ts';

const PACE = { everyMs: 100, leastBytes: 10, withinMs: 1_000 };
let stops: number;
const stop = () => void (stops += 1);
beforeEach(() => {
  stops = 0;
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('whoever takes too little in a span is stopped at its end, once', () => {
  const pace = watchPace(PACE, stop);
  pace.took(10);
  jest.advanceTimersByTime(100);
  expect(stops).toBe(0);
  pace.took(9);
  jest.advanceTimersByTime(100);
  expect(stops).toBe(1);
  jest.advanceTimersByTime(10_000);
  expect(stops).toBe(1);
  expect(jest.getTimerCount()).toBe(0);
});

test('whoever is fast is stopped when the time is over, and nobody after the end', () => {
  const pace = watchPace(PACE, stop);
  for (let spans = 0; spans < 9; spans += 1) {
    pace.took(1_000);
    jest.advanceTimersByTime(100);
  }
  expect(stops).toBe(0);
  pace.took(1_000);
  jest.advanceTimersByTime(100);
  expect(stops).toBe(1);
  watchPace(PACE, stop).end();
  jest.advanceTimersByTime(10_000);
  expect(stops).toBe(1);
});
