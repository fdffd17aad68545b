/** How a tenant's calls are kept apart whose model's server refuses what is too much for it. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/activity';
import { FAILURE } from '../../src/domain/failures.ts';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { createModelPace } from '../../src/worker/model-pace.ts';

const [LOUD, QUIET] = ['0190a0a0-0000-7000-8000-00000000000a', '0190a0a0-0000-7000-8000-00000000000b'];

let pace: ReturnType<typeof createModelPace>;
beforeEach(() => {
  jest.useFakeTimers();
  pace = createModelPace();
});
afterEach(() => void jest.useRealTimers());

/** An attempt of a step, as the worker hands it to the interceptor. */
async function attempt(tenant: string, work: () => Promise<unknown>, activityType = 'answerTurn') {
  const workflowExecution = { workflowId: handleMessageWorkflowId(tenant, 'm') };
  const context = { info: { activityType, workflowExecution }, heartbeat: () => undefined };
  return pace(context as never).inbound?.execute?.({ args: [], headers: {} }, work);
}
const refuse = async (nextRetryDelay?: number) => {
  throw ApplicationFailure.create({
    ...{ type: FAILURE.llmOverloaded, message: '429', details: [{ progress: null }] },
    ...(nextRetryDelay !== undefined && { nextRetryDelay }),
  });
};
const answer = async () => 'answered';
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const failureOf = (of: Promise<unknown>): Promise<ApplicationFailure> =>
  of.then(
    () => Promise.reject(new Error('it has not failed')),
    (error: unknown) => error as ApplicationFailure,
  );
/** Whether a call of the tenant's may begin now. */
const mayCall = async (tenant = LOUD) => {
  let begun = false;
  const noted = async () => {
    begun = true;
    throw new Error('not asked');
  };
  await attempt(tenant, noted).catch(() => undefined);
  return begun;
};

test('a refusal keeps the tenant’s next calls apart, and nobody else’s', async () => {
  expect(await failureOf(attempt(LOUD, refuse))).toMatchObject({ type: FAILURE.llmOverloaded });
  expect(await failureOf(attempt(LOUD, answer))).toMatchObject({
    type: FAILURE.overShare,
    nonRetryable: false,
  });
  expect(await attempt(QUIET, answer)).toBe('answered');
  expect(await attempt(LOUD, answer, 'deliverReply')).toBe('answered');
  await jest.advanceTimersByTimeAsync(200);
  expect(await attempt(LOUD, answer)).toBe('answered');
});

test('each further refusal doubles the distance; those that had begun before count once', async () => {
  const together = Array.from({ length: 50 }, () =>
    failureOf(attempt(LOUD, () => later(30).then(() => refuse()))),
  );
  await jest.advanceTimersByTimeAsync(30);
  await Promise.all(together);
  const distances: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    let waited = 0;
    while (!(await mayCall())) {
      await jest.advanceTimersByTimeAsync(10);
      waited += 10;
    }
    distances.push(waited);
    await jest.advanceTimersByTimeAsync(20_000);
    await failureOf(attempt(LOUD, refuse));
  }
  expect(distances).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000]);
});

test('answers bring the calls closer, until they aren’t kept apart any more', async () => {
  await failureOf(attempt(LOUD, refuse));
  for (let i = 0; i < 7; i += 1) {
    await jest.advanceTimersByTimeAsync(1_000);
    await attempt(LOUD, answer);
  }
  for (let i = 0; i < 20; i += 1) expect(await attempt(LOUD, answer)).toBe('answered');
});

test('what was refused a minute ago is forgotten', async () => {
  await failureOf(attempt(LOUD, refuse));
  await jest.advanceTimersByTimeAsync(61_000);
  for (let i = 0; i < 20; i += 1) expect(await attempt(LOUD, answer)).toBe('answered');
});

test('what is refused comes back one by one, keeps its details, and waits as long as the server asks', async () => {
  const together = await Promise.all(
    Array.from({ length: 100 }, () => failureOf(attempt(LOUD, () => refuse()))),
  );
  const delays = together.map(({ nextRetryDelay }) => Number(nextRetryDelay));
  expect(Math.max(...delays)).toBeGreaterThan(10_000);
  expect(new Set(together.map(({ details }) => JSON.stringify(details)))).toEqual(
    new Set(['[{"progress":null}]']),
  );
  expect((await failureOf(attempt(QUIET, () => refuse(90_000)))).nextRetryDelay).toBe(90_000);
});

test('another failure is left as it is', async () => {
  const down = ApplicationFailure.create({ type: FAILURE.llmUnavailable, message: '500' });
  for (let i = 0; i < 3; i += 1)
    expect(await failureOf(attempt(LOUD, () => Promise.reject(down)))).toBe(down);
});

test('a server that takes eight calls a second, flooded by one tenant, soon answers another', async () => {
  let room = 8;
  const refill = setInterval(() => (room = Math.min(8, room + 1)), 125);
  const server = async () => {
    await later(50);
    if (room < 1) return refuse();
    room -= 1;
    return later(1_000);
  };
  /** A turn until it is answered, and how long that took. */
  const turn = async (tenant: string): Promise<number> => {
    const since = performance.now();
    for (;;) {
      const failure = await attempt(tenant, server).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!(failure instanceof ApplicationFailure)) return performance.now() - since;
      await later(Number(failure.nextRetryDelay));
    }
  };
  let answered = 0;
  const flood = (): void =>
    void turn(LOUD).then(() => {
      answered += 1;
      flood();
    });
  for (let i = 0; i < 300; i += 1) flood();
  await jest.advanceTimersByTimeAsync(120_000);
  const before = answered;
  const waits: number[] = [];
  for (let i = 0; i < 30; i += 1) {
    turn(QUIET)
      .then((ms) => waits.push(ms))
      .catch(() => undefined);
    await jest.advanceTimersByTimeAsync(20_000);
  }
  clearInterval(refill);
  expect(waits.length).toBeGreaterThanOrEqual(29);
  expect(waits.toSorted((a, b) => a - b)[15]).toBeLessThan(10_000);
  expect(Math.max(...waits)).toBeLessThan(60_000);
  // And the server is kept at work.
  expect(answered - before).toBeGreaterThan(0.8 * 8 * 600);
});
