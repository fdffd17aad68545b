/** How often Redis is asked for replies that grow, by how many follow one. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { LedgerTurn } from '../../src/db/ledger.ts';
import { followReply } from '../../src/intake/follow-reply.ts';
import { NOTHING } from '../../src/intake/reply-view.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Questions in ten seconds to a reply that grows all the time, while its tenant follows so many. */
async function askedInTenSeconds(following: number): Promise<number> {
  let asked = 0;
  const redis = {
    xread: async () => {
      asked += 1;
      const fields = ['attempt', '1-a-0', 'at', String(asked - 1), 'end', String(asked), 'text', 'a'];
      return [['stream', [[`${asked}-0`, fields]]]];
    },
  };
  const never = () => new Promise(() => undefined);
  const temporal = {
    workflow: { getHandle: () => ({ result: never }) },
    withDeadline: never,
  };
  const dependencies = { pool: undefined, temporal, redis, waiting: { heldBy: () => following } };
  const left = new AbortController();
  const turn = { messageId: 'm', workflowId: 'w', state: 'accepted' } as LedgerTurn;
  const events = followReply(dependencies as never, 't', turn, { from: NOTHING, signal: left.signal });
  const reading = (async () => {
    for await (const event of events) if (event.kind === 'end') break;
  })();
  await jest.advanceTimersByTimeAsync(10_000);
  left.abort();
  await jest.advanceTimersByTimeAsync(10_000);
  await reading;
  return asked;
}

test.each([
  [1, 100],
  [20, 100],
  [200, 10],
  [500, 4],
])('of %d that follow each asks some %d times in ten seconds', async (following, times) => {
  const asked = await askedInTenSeconds(following);
  expect(asked).toBeGreaterThanOrEqual(times - 1);
  expect(asked).toBeLessThanOrEqual(times + 2);
});
