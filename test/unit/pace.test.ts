/** While the machine is behind, each tenant has its share of the way in. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { READ_COST } from '../../src/api/admission.ts';
import { problemOf } from '../../src/api/problems.ts';
import { atPace, createPace, type Pace } from '../../src/intake/pace.ts';

const WITHIN_MS = 500;

let pace: Pace;
beforeEach(() => {
  jest.useFakeTimers();
  pace = createPace();
});
afterEach(() => void jest.useRealTimers());

/** Sends one message that takes so long to accept; its outcome is counted. */
const counts = { accepted: 0, refused: 0 };
beforeEach(() => void Object.assign(counts, { accepted: 0, refused: 0 }));
async function send(tenantId: string, takesMs: number): Promise<void> {
  const entry = await pace(tenantId, WITHIN_MS);
  if ('retryAfterMs' in entry) {
    counts.refused += 1;
    expect(entry.retryAfterMs).toBeGreaterThan(WITHIN_MS);
    return;
  }
  await new Promise((resolve) => setTimeout(resolve, takesMs));
  entry.accepted(takesMs);
  counts.accepted += 1;
}

/** Sends `perSecond` messages in each of `seconds`. */
async function flood(tenantId: string, { perSecond, seconds, takesMs }: Record<string, number>) {
  const sent: Array<Promise<void>> = [];
  for (let i = 0; i < (perSecond ?? 0) * (seconds ?? 0); i += 1) {
    sent.push(send(tenantId, takesMs ?? 0));
    await jest.advanceTimersByTimeAsync(1_000 / (perSecond ?? 1));
  }
  // What waits for its pace and what is being accepted has an end by now.
  await jest.advanceTimersByTimeAsync(1_000);
  await Promise.all(sent);
}

/** Both tenants are there, and accepting takes 10 ms. */
async function begin() {
  for (const tenantId of ['loud', 'quiet']) await flood(tenantId, { perSecond: 1, seconds: 2, takesMs: 10 });
  Object.assign(counts, { accepted: 0, refused: 0 });
}

test('while accepting is as quick as usual, a flood comes in at once', async () => {
  await begin();
  await flood('loud', { perSecond: 100, seconds: 10, takesMs: 12 });
  expect(counts.refused).toBe(0);
});

test('whoever is alone comes in at once, however slow accepting is', async () => {
  await flood('loud', { perSecond: 10, seconds: 1, takesMs: 10 });
  await flood('loud', { perSecond: 50, seconds: 20, takesMs: 300 });
  expect(counts.refused).toBe(0);
});

test('while it is slow, a flood is thinned out, and is never stopped', async () => {
  await begin();
  await flood('loud', { perSecond: 50, seconds: 20, takesMs: 100 });
  // Ten at once, and then one each 0.4 s.
  expect(counts.accepted).toBeGreaterThanOrEqual(10 + 45);
  expect(counts.accepted).toBeLessThanOrEqual(10 + 95);
  expect(counts.accepted + counts.refused).toBe(1_000);
});

test('a flood that was quick is never stopped once it is slow', async () => {
  await begin();
  let [longestGap, gap] = [0, 0];
  // For three seconds each comes in soon after the one before, so many wait.
  for (let tenth = 0; tenth < 130; tenth += 1) {
    const before = counts.accepted;
    for (let nth = 0; nth < 10; nth += 1) void send('loud', tenth < 30 ? 16 : 100);
    await jest.advanceTimersByTimeAsync(100);
    gap = counts.accepted > before ? 0 : gap + 100;
    longestGap = Math.max(longestGap, gap);
  }
  expect(counts.refused).toBeGreaterThan(300);
  expect(longestGap).toBeLessThan(1_500);
});

test('a long message counts as many, and the next waits as much longer', async () => {
  await begin();
  await flood('loud', { perSecond: 20, seconds: 20, takesMs: 100 });
  Object.assign(counts, { accepted: 0, refused: 0 });
  const enter = async (accepted: (tookMs: number) => void) => {
    accepted(100);
    return { kind: 'accepted' };
  };
  const letter = { tenantId: 'loud', text: 'x'.repeat(32_000) };
  let taken = 0;
  for (let second = 0; second < 30; second += 1) {
    const sent = atPace(pace, letter, Date.now() + 60_000, enter);
    await jest.advanceTimersByTimeAsync(1_000);
    if ((await sent).kind === 'accepted') taken += 1;
  }
  // Each as twenty-nine that are 0.4 s apart, or less as it comes to be forgotten.
  expect(taken).toBeGreaterThanOrEqual(3);
  expect(taken).toBeLessThanOrEqual(10);
});

test('a burst comes in at once, however slow accepting is', async () => {
  await begin();
  await flood('other', { perSecond: 50, seconds: 5, takesMs: 300 });
  Object.assign(counts, { accepted: 0, refused: 0 });
  await flood('loud', { perSecond: 1_000, seconds: 0.009, takesMs: 300 });
  expect(counts).toEqual({ accepted: 9, refused: 0 });
});

test('a quiet tenant comes in at once beside it', async () => {
  await begin();
  await flood('loud', { perSecond: 50, seconds: 20, takesMs: 100 });
  for (let i = 0; i < 10; i += 1) {
    const entry = await pace('quiet', 0);
    expect(entry).toEqual({ accepted: expect.any(Function) });
    await jest.advanceTimersByTimeAsync(300);
  }
});

test('what it sent alone is not held against it when another comes', async () => {
  await flood('loud', { perSecond: 10, seconds: 1, takesMs: 10 });
  await flood('loud', { perSecond: 50, seconds: 20, takesMs: 100 });
  await flood('quiet', { perSecond: 1, seconds: 1, takesMs: 10 });
  Object.assign(counts, { accepted: 0, refused: 0 });
  await flood('loud', { perSecond: 2, seconds: 5, takesMs: 100 });
  expect(counts.refused).toBe(0);
});

test('a tenant whose others have been gone for a minute is alone', async () => {
  await begin();
  await flood('loud', { perSecond: 50, seconds: 5, takesMs: 100 });
  await jest.advanceTimersByTimeAsync(56_000);
  Object.assign(counts, { accepted: 0, refused: 0 });
  await flood('loud', { perSecond: 50, seconds: 20, takesMs: 100 });
  expect(counts.refused).toBe(0);
});

test('whoever only reads once it was slow comes in as before some seconds later', async () => {
  await begin();
  await flood('loud', { perSecond: 50, seconds: 20, takesMs: 100 });
  let refused = 0;
  for (let second = 0; second < 40; second += 1) {
    for (let nth = 0; nth < 20; nth += 1)
      if ('retryAfterMs' in (await pace('loud', 0, READ_COST)) && second >= 30) refused += 1;
    await jest.advanceTimersByTimeAsync(1_000);
  }
  expect(refused).toBe(0);
});

test('when accepting is quick again, so is the pace', async () => {
  await begin();
  await flood('loud', { perSecond: 50, seconds: 10, takesMs: 100 });
  await flood('loud', { perSecond: 10, seconds: 10, takesMs: 10 });
  Object.assign(counts, { accepted: 0, refused: 0 });
  await flood('loud', { perSecond: 50, seconds: 10, takesMs: 10 });
  expect(counts.refused).toBe(0);
});

test('whose own messages are slow waits, and nobody else does', async () => {
  await begin();
  await flood('loud', { perSecond: 10, seconds: 5, takesMs: 300 });
  Object.assign(counts, { accepted: 0, refused: 0 });
  await flood('quiet', { perSecond: 50, seconds: 10, takesMs: 10 });
  expect(counts).toEqual({ accepted: 500, refused: 0 });
  await flood('loud', { perSecond: 50, seconds: 10, takesMs: 300 });
  expect(counts.refused).toBeGreaterThan(300);
});

test('messages that cost less than others’ make those slow for nobody', async () => {
  for (const tenantId of ['loud', 'quiet']) await flood(tenantId, { perSecond: 1, seconds: 2, takesMs: 20 });
  await flood('loud', { perSecond: 10, seconds: 2, takesMs: 8 });
  Object.assign(counts, { accepted: 0, refused: 0 });
  await flood('quiet', { perSecond: 50, seconds: 10, takesMs: 20 });
  expect(counts).toEqual({ accepted: 500, refused: 0 });
});

test('whoever comes while it is slow doesn’t take that for usual', async () => {
  await begin();
  await flood('late', { perSecond: 50, seconds: 20, takesMs: 100 });
  expect(counts.refused).toBeGreaterThan(500);
});

test('one message that takes long slows nobody down by much', async () => {
  await begin();
  await flood('loud', { perSecond: 1, seconds: 1, takesMs: 1_900 });
  Object.assign(counts, { accepted: 0, refused: 0 });
  await flood('loud', { perSecond: 50, seconds: 5, takesMs: 10 });
  expect(counts).toEqual({ accepted: 250, refused: 0 });
});

test('what a tenant’s messages were slow by a while ago is not held against its reads', async () => {
  await begin();
  await flood('loud', { perSecond: 10, seconds: 10, takesMs: 100 });
  // It only reads from now on.
  for (let i = 0; i < 61; i += 1) {
    await pace('loud', WITHIN_MS);
    await flood('quiet', { perSecond: 1, seconds: 1, takesMs: 10 });
  }
  for (let i = 0; i < 100; i += 1) expect(await pace('loud', 0)).toHaveProperty('accepted');
});

test('of several others none alone makes whoever only reads wait', async () => {
  for (const tenantId of ['loud', 'quiet', 'other'])
    await flood(tenantId, { perSecond: 1, seconds: 2, takesMs: 10 });
  await flood('loud', { perSecond: 20, seconds: 2, takesMs: 300 });
  for (let i = 0; i < 100; i += 1) expect(await pace('reader', 0)).toHaveProperty('accepted');
});

test('a sender over its share is told when to come again', () => {
  expect(problemOf({ kind: 'over-share', retryAfterMs: 600 })).toMatchObject({
    status: 429,
    headers: { 'Retry-After': '1' },
    members: { limit: 'share' },
  });
});

test('whoever need not wait comes in at the last moment as well', async () => {
  const enter = async () => ({ kind: 'accepted' });
  const late = () => atPace(pace, { tenantId: 'quiet', text: 'hi' }, Date.now() + 100, enter);
  expect(await late()).toEqual({ kind: 'accepted' });
  await begin();
  expect(await late()).toEqual({ kind: 'accepted' });
});
