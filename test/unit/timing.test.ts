/** The relations between time limits: each row breaks when one of its numbers is changed alone. */
import { expect, test } from '@jest/globals';
import * as timing from '../../src/domain/timing.ts';

type Name = keyof typeof timing;
/** A promise; the limits whose sum it bounds, each as often as it counts; the limit that bounds them. */
const RELATIONS: ReadonlyArray<
  readonly [promise: string, parts: ReadonlyArray<readonly [Name, number]>, bound: Name]
> = [
  [
    'early delivery ends before another attempt may start, so that two never deliver at once',
    [
      ['EARLY_DELIVERY_WITHIN_MS', 1],
      // Claimed in Postgres, else noted in Redis; and written down.
      ['POST_RECORD_WITHIN_MS', 3],
      ['CHANNEL_CALL_WITHIN_MS', 1],
      ['EARLY_APPEND_WITHIN_MS', 1],
    ],
    'ANSWER_HEARTBEAT_TIMEOUT_MS',
  ],
  ['a slow model is no dead worker', [['ANSWER_HEARTBEAT_MS', 3]], 'ANSWER_HEARTBEAT_TIMEOUT_MS'],
  ['a busy model is no dead worker', [['STORE_HEARTBEAT_MS', 3]], 'STORE_HEARTBEAT_TIMEOUT_MS'],
  [
    'a dead worker is noticed long before its attempt to remember would end',
    [['STORE_HEARTBEAT_TIMEOUT_MS', 4]],
    'STORE_TIMEOUT_MS',
  ],
  [
    'what is too long for the local try has more time in the activity',
    [['STORE_LOCALLY_WITHIN_MS', 4]],
    'STORE_TIMEOUT_MS',
  ],
  ['a slow channel is no dead worker', [['DELIVERY_HEARTBEAT_MS', 3]], 'DELIVERY_HEARTBEAT_TIMEOUT_MS'],
  [
    'a dead worker is noticed long before its attempt would end',
    [['ANSWER_HEARTBEAT_TIMEOUT_MS', 4]],
    'ANSWER_TIMEOUT_MS',
  ],
  [
    'a model that takes too long is noticed before its step is cut off, with time left to deliver',
    [
      ['LLM_WITHIN_MS', 1],
      ['CHANNEL_CALL_WITHIN_MS', 1],
      ['EARLY_APPEND_WITHIN_MS', 1],
    ],
    'ANSWER_TIMEOUT_MS',
  ],
  ['a silent model is given up before a slow one', [['LLM_SILENCE_MS', 1]], 'LLM_WITHIN_MS'],
  [
    'a look-up that waits for its tenant’s share is tried several times before the turn goes on without',
    [['GATHER_TIMEOUT_MS', 10]],
    'GATHER_IN_TURN_WITHIN_MS',
  ],
  [
    'a turn that waits for its share of look-ups is answered while its model would still be asked',
    [['GATHER_IN_TURN_WITHIN_MS', 10]],
    'STEP_TRIED_FOR_MS',
  ],
  [
    'memory reports what is missing before its step is cut off',
    [['MEMORY_WITHIN_MS', 1]],
    'GATHER_TIMEOUT_MS',
  ],
  [
    'a turn is waited for until its API has given up on its start',
    [['ACCEPT_WITHIN_MS', 1]],
    'START_GRACE_MS',
  ],
  [
    'a message that has waited for its pace can still be entered in time',
    [
      ['PACED_WITHIN_MS', 1],
      ['INTAKE_ENTRY_MS', 1],
    ],
    'ACCEPT_WITHIN_MS',
  ],
  [
    'what makes a message richer leaves time to enter it',
    [
      ['INTAKE_CONTENTS_WITHIN_MS', 1],
      ['INTAKE_NAMES_WITHIN_MS', 1],
      ['INTAKE_ENTRY_MS', 1],
    ],
    'ACCEPT_WITHIN_MS',
  ],
  [
    'without Redis, asking the channel leaves time to enter a message',
    [
      ['INTAKE_REDIS_WITHIN_MS', 1],
      ['INTAKE_CHANNEL_WITHIN_MS', 1],
      ['INTAKE_ENTRY_MS', 1],
    ],
    'ACCEPT_WITHIN_MS',
  ],
  [
    'a turn that is offered again is waited for, but not without end',
    [['START_GRACE_MS', 2]],
    'LONGEST_START_GRACE_MS',
  ],
  [
    'a failed call has settled before the next attempt looks for its message',
    [['CALL_SETTLES_WITHIN_MS', 1]],
    'DELIVERY_RETRY_MS',
  ],
  [
    'quick look-ups, with their pauses, hold a reply for no longer than memory does',
    [
      ['QUICK_ATTEMPT_MS', timing.QUICK_ATTEMPTS],
      ['QUICK_RETRY_MS', 2 ** (timing.QUICK_ATTEMPTS - 1) - 1],
    ],
    'MEMORY_WITHIN_MS',
  ],
  [
    'an attempt that is put off comes back before the longest attempt would have ended',
    [
      ['DEFERRED_FOR_MS', 1],
      ['DEFERRED_EVERY_MS', 1],
    ],
    'DEFERRED_WITHIN_MS',
  ],
  [
    'a tenant’s turn is looked at again while its calls may hang',
    [['DEFERRED_WITHIN_MS', 1]],
    'ANSWER_TIMEOUT_MS',
  ],
  [
    'a turn whose steps take their longest is still answered',
    [
      ['LONGEST_START_GRACE_MS', 1],
      ['LONGEST_WAIT_MS', 1],
      ['GATHER_TIMEOUT_MS', 1],
    ],
    'TURN_ANSWERED_WITHIN_MS',
  ],
  [
    'a turn that begins to answer late still ends, with its apology, before Temporal ends it',
    [
      ['TURN_ANSWERED_WITHIN_MS', 1],
      // The answer, its delivery, and the apology's.
      ['STEP_TRIED_FOR_MS', 3],
    ],
    'TURN_ENDS_WITHIN_MS',
  ],
  [
    'an outage that a turn outlives is not the end of its memory',
    [['TURN_ENDS_WITHIN_MS', 1]],
    'REMEMBERED_WITHIN_MS',
  ],
  ['one slow answer is not the end of its step', [['ANSWER_TIMEOUT_MS', 3]], 'STEP_TRIED_FOR_MS'],
  ['a server that asks for a long pause is asked again', [['LONGEST_ASKED_WAIT_MS', 2]], 'STEP_TRIED_FOR_MS'],
  ['a start may arrive for longer than its API waits', [['START_GRACE_MS', 2]], 'LATE_START_WITHIN_MS'],
  ['activities drain before they are given up', [['DRAIN_WITHIN_MS', 1]], 'DRAIN_FORCED_AFTER_MS'],
  [
    'a worker gives its activities up before its process ends',
    [['DRAIN_FORCED_AFTER_MS', 1]],
    'SHUTDOWN_WITHIN_MS',
  ],
];

test.each(RELATIONS)('%s', (_, parts, bound) => {
  const sum = parts.reduce((total, [name, times]) => total + timing[name] * times, 0);
  expect(sum).toBeLessThanOrEqual(timing[bound]);
});

test('every limit of the file stands in a relation', () => {
  const named = new Set<string>([
    // Counts the attempts of the relation above.
    'QUICK_ATTEMPTS',
    ...RELATIONS.flatMap(([, parts, bound]) => [bound, ...parts.map(([name]) => name)]),
  ]);
  expect(Object.keys(timing).filter((name) => !named.has(name))).toEqual([]);
});
