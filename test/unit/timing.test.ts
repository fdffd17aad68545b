/**
 * The relations between time limits. Each row is a promise that breaks when one of its numbers is changed
 * alone.
 */
import { expect, test } from '@jest/globals';
import * as timing from '../../src/domain/timing.ts';

const {
  ACCEPT_WITHIN_MS,
  ANSWER_HEARTBEAT_MS,
  ANSWER_HEARTBEAT_TIMEOUT_MS,
  ANSWER_TIMEOUT_MS,
  CALL_SETTLES_WITHIN_MS,
  CHANNEL_CALL_WITHIN_MS,
  DELIVERY_HEARTBEAT_MS,
  DELIVERY_HEARTBEAT_TIMEOUT_MS,
  DRAIN_FORCED_AFTER_MS,
  DRAIN_WITHIN_MS,
  EARLY_APPEND_WITHIN_MS,
  EARLY_DELIVERY_WITHIN_MS,
  GATHER_TIMEOUT_MS,
  LLM_SILENCE_MS,
  LLM_WITHIN_MS,
  MEMORY_WITHIN_MS,
  QUICK_ATTEMPT_MS,
  QUICK_ATTEMPTS,
  SHUTDOWN_WITHIN_MS,
  START_GRACE_MS,
} = timing;

test.each([
  [
    'early delivery ends before another attempt may start, so that two never deliver at once',
    EARLY_DELIVERY_WITHIN_MS + CHANNEL_CALL_WITHIN_MS + EARLY_APPEND_WITHIN_MS,
    ANSWER_HEARTBEAT_TIMEOUT_MS,
  ],
  ['a slow model is no dead worker', 3 * ANSWER_HEARTBEAT_MS, ANSWER_HEARTBEAT_TIMEOUT_MS],
  ['a slow channel is no dead worker', 3 * DELIVERY_HEARTBEAT_MS, DELIVERY_HEARTBEAT_TIMEOUT_MS],
  [
    'a dead worker is noticed long before its attempt would end',
    ANSWER_HEARTBEAT_TIMEOUT_MS,
    ANSWER_TIMEOUT_MS,
  ],
  [
    'a model that takes too long is noticed before its step is cut off, with time left to deliver',
    LLM_WITHIN_MS + CHANNEL_CALL_WITHIN_MS + EARLY_APPEND_WITHIN_MS,
    ANSWER_TIMEOUT_MS,
  ],
  ['a silent model is given up before a slow one', LLM_SILENCE_MS, LLM_WITHIN_MS],
  ['memory reports what is missing before its step is cut off', MEMORY_WITHIN_MS, GATHER_TIMEOUT_MS],
  ['a turn is waited for until its API has given up on its start', ACCEPT_WITHIN_MS, START_GRACE_MS],
  [
    'a failed call has settled before the next attempt of a step looks',
    CALL_SETTLES_WITHIN_MS,
    CHANNEL_CALL_WITHIN_MS,
  ],
  [
    'quick look-ups hold a reply for no longer than memory does',
    QUICK_ATTEMPTS * QUICK_ATTEMPT_MS,
    MEMORY_WITHIN_MS,
  ],
  ['activities drain before they are given up', DRAIN_WITHIN_MS, DRAIN_FORCED_AFTER_MS],
  ['a worker gives its activities up before its process ends', DRAIN_FORCED_AFTER_MS, SHUTDOWN_WITHIN_MS],
])('%s', (_, shorter, longer) => {
  expect(shorter).toBeLessThan(longer);
});

test('every limit stands in a relation', () => {
  expect(Object.keys(timing).toSorted()).toEqual(
    [
      'ACCEPT_WITHIN_MS',
      'ANSWER_HEARTBEAT_MS',
      'ANSWER_HEARTBEAT_TIMEOUT_MS',
      'ANSWER_TIMEOUT_MS',
      'CALL_SETTLES_WITHIN_MS',
      'CHANNEL_CALL_WITHIN_MS',
      'DELIVERY_HEARTBEAT_MS',
      'DELIVERY_HEARTBEAT_TIMEOUT_MS',
      'DRAIN_FORCED_AFTER_MS',
      'DRAIN_WITHIN_MS',
      'EARLY_APPEND_WITHIN_MS',
      'EARLY_DELIVERY_WITHIN_MS',
      'GATHER_TIMEOUT_MS',
      'LLM_SILENCE_MS',
      'LLM_WITHIN_MS',
      'MEMORY_WITHIN_MS',
      'QUICK_ATTEMPTS',
      'QUICK_ATTEMPT_MS',
      'SHUTDOWN_WITHIN_MS',
      'START_GRACE_MS',
    ].toSorted(),
  );
});
