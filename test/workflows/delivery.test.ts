/** How a reply finds its way to a channel: by the step that asks the model, else by `deliverReply`. */
import { afterEach, expect, test } from '@jest/globals';
import { heartbeat, sleep as activitySleep } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../src/activities/index.ts';
import type { Channel, InboundMessage } from '../../src/domain/conversation.ts';
import type { DeliveryState } from '../../src/domain/delivery.ts';
import { APOLOGY } from '../../src/domain/words.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { eventually } from '../support/eventually.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

type Asked = Parameters<Activities['answerTurn']>[0];
type Delivered = Parameters<Activities['deliverReply']>[0];

const CHANNEL: Channel = { name: 'pigeon', address: { loft: 'L1' } };
const PROGRESS = { kind: 'message', ts: '2.2' };

let host: WorkflowHost;
let calls: string[] = [];
let asked: Asked | undefined;
let delivered: Delivered[] = [];
afterEach(() => host.stop());

async function hosting(
  state: DeliveryState | undefined,
  overrides: Partial<Activities> = {},
  text = 'Rex.',
  appended = false,
): Promise<void> {
  calls = [];
  delivered = [];
  const reply = { text, model: 'fake', usage: null };
  host = await hostWorkflows(
    fakeActivities(calls, {
      async answerTurn(input) {
        asked = input;
        return {
          ...reply,
          timingsMs: { firstToken: 1, total: 1, delivery: 7 },
          ...(state && { delivery: state }),
          ...(appended && { appended }),
        };
      },
      async deliverReply(input) {
        delivered.push(input);
      },
      ...overrides,
    }),
  );
}

const begin = (fields: Partial<InboundMessage> = {}, liveReplies = false) => {
  const input = acceptedMessage({ channel: CHANNEL, threadId: 'L1:1', ...fields });
  return host.start({ ...input, agent: { ...input.agent, liveReplies } });
};
const answer = async (...args: Parameters<typeof begin>) => (await begin(...args)).result();

test('all goes well: one activity shows that it is at work, asks the model and brings the reply', async () => {
  await hosting({ progress: PROGRESS, delivered: true, uncertain: false }, {}, 'Rex.', true);
  const result = await answer();
  expect(asked?.delivery).toEqual({
    turn: expect.objectContaining({ channel: CHANNEL, threadId: 'L1:1', userId: 'ada', seq: 1 }),
  });
  await eventually(async () => calls.includes('storeTurn'));
  expect(calls).toEqual(['gatherContext', 'answerTurn', 'storeTurn']);
  expect(result).toMatchObject({ missing: [], timingsMs: { llm: 1, delivery: 7 } });
});

test('a turn that its reply could not put into the window at once is put there by the workflow', async () => {
  await hosting({ progress: PROGRESS, delivered: true, uncertain: false });
  await answer();
  expect(calls.slice(0, 3)).toEqual(['gatherContext', 'answerTurn', 'appendTurnToWindow']);
  expect(delivered).toEqual([]);
});

test('a first try that failed: deliverReply knows of the placeholder, and that it has to look', async () => {
  await hosting({ progress: PROGRESS, delivered: false, uncertain: true });
  expect((await answer()).missing).toEqual([]);
  expect(delivered).toMatchObject([{ state: { progress: PROGRESS, uncertain: true }, text: 'Rex.' }]);
});

test('a reply that was left to deliverReply needs no looking', async () => {
  await hosting({ progress: PROGRESS, delivered: false, uncertain: false }, {}, 'A long story.');
  await answer();
  expect(delivered).toMatchObject([
    { state: { progress: PROGRESS, uncertain: false }, text: 'A long story.' },
  ]);
});

test('when Slack asked to wait, the workflow waits before the next call', async () => {
  await hosting({ progress: null, delivered: false, uncertain: true, retryAfterMs: 1_200 });
  const started = Date.now();
  await answer();
  expect(Date.now() - started).toBeGreaterThanOrEqual(1_200);
  expect(delivered).toMatchObject([{ state: { progress: null, uncertain: true } }]);
});

test('the model fails for good: the apology takes the place of the placeholder', async () => {
  await hosting(undefined, {
    answerTurn: () =>
      Promise.reject(
        ApplicationFailure.create({
          type: 'LlmRejected',
          message: 'no',
          nonRetryable: true,
          details: [{ delivery: { progress: PROGRESS, delivered: false, uncertain: true } }],
        }),
      ),
  });
  await expect(answer()).rejects.toThrow();
  expect(delivered).toMatchObject([{ state: { progress: PROGRESS, uncertain: true }, text: APOLOGY }]);
});

/** The turn before is long in coming: the placeholder is due before that. */
const longWait = () => {
  let looks = 0;
  const findTurnBefore: Activities['findTurnBefore'] = async () => {
    looks += 1;
    return { state: looks < 8 ? 'starting' : 'none' };
  };
  return { findTurnBefore };
};
const SHOWN: DeliveryState = { progress: PROGRESS, delivered: false, uncertain: false };

test('a turn that has to wait shows at once that it is there, and its reply replaces just that', async () => {
  await hosting(SHOWN, { ...longWait(), showProgress: async () => SHOWN });
  await answer({ seq: 2, turnsAhead: 1 }, true);
  expect(calls).toContain('showProgress');
  expect(asked?.delivery?.state).toEqual(SHOWN);
  expect(delivered).toMatchObject([{ state: SHOWN }]);
});

test('nobody knows what a wait has left in the channel: the reply is left to deliverReply, which looks', async () => {
  await hosting(undefined, {
    ...longWait(),
    showProgress: () => Promise.reject(ApplicationFailure.create({ nonRetryable: true })),
  });
  expect((await answer({ seq: 2, turnsAhead: 1 })).missing).toEqual([]);
  expect(asked?.delivery).toMatchObject({ isShownElsewhere: true });
  expect(delivered).toMatchObject([{ state: { progress: null, uncertain: true }, text: 'Rex.' }]);
});

test('a reply that grows waits for the message that it grows in', async () => {
  await hosting(undefined, {
    ...longWait(),
    showProgress: async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return SHOWN;
    },
  });
  await answer({ seq: 2, turnsAhead: 1 }, true);
  expect(calls.indexOf('showProgress')).toBeLessThan(calls.indexOf('answerTurn'));
  expect(asked?.delivery?.state).toEqual(SHOWN);
});

test('a step that may have delivered and ends without a word: whoever delivers next looks first', async () => {
  await hosting(undefined, {
    ...longWait(),
    showProgress: async () => SHOWN,
    answerTurn: () =>
      Promise.reject(ApplicationFailure.create({ type: 'Silent', message: 'cut off', nonRetryable: true })),
  });
  await expect(answer({ seq: 2, turnsAhead: 1 })).rejects.toThrow();
  expect(delivered).toMatchObject([{ state: { progress: PROGRESS, uncertain: true }, text: APOLOGY }]);
});

test('a delivery that is cancelled half-way: the apology looks for what it left', async () => {
  let attempts = 0;
  await hosting(SHOWN, {
    deliverReply: async (input) => {
      delivered.push(input);
      attempts += 1;
      if (attempts > 1) return;
      for (;;) {
        heartbeat();
        await activitySleep(500);
      }
    },
  });
  const handle = await begin();
  await eventually(async () => calls.includes('deliverReply'));
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow();
  expect(delivered).toMatchObject([
    { state: SHOWN, text: 'Rex.' },
    { state: { progress: PROGRESS, uncertain: true }, text: APOLOGY },
  ]);
});

test('a step that is slow to show the wait holds nobody up: the model is asked meanwhile', async () => {
  await hosting(undefined, {
    ...longWait(),
    showProgress: async () => {
      await eventually(async () => calls.includes('answerTurn'));
      return SHOWN;
    },
  });
  await answer({ seq: 2, turnsAhead: 1 });
  expect(asked?.delivery).toMatchObject({ isShownElsewhere: true });
  expect(delivered).toMatchObject([{ state: SHOWN, text: 'Rex.' }]);
});

test('what the model asks for meanwhile is left to the step that delivers', async () => {
  const state = { progress: null, delivered: false, uncertain: true, asksForPerson: true } as const;
  await hosting(state, {
    ...longWait(),
    showProgress: async () => {
      await eventually(async () => calls.includes('answerTurn'));
      return SHOWN;
    },
  });
  await answer({ seq: 2, turnsAhead: 1 });
  expect(delivered.map((input) => input.state)).toEqual([{ ...SHOWN, asksForPerson: true }]);
});

test('a turn whose wait is over at once needs no placeholder of its own', async () => {
  await hosting({ progress: PROGRESS, delivered: true, uncertain: false });
  await answer({ seq: 2, turnsAhead: 1 });
  expect(calls).not.toContain('showProgress');
  expect(asked?.delivery).toBeDefined();
});

test.each([
  ['while it waits for its turn', { seq: 2, turnsAhead: 1 }],
  ['while the model is at work', {}],
])('a turn that is cancelled %s says so to the person, and ends', async (_, fields) => {
  await hosting(undefined, {
    async findTurnBefore() {
      return { state: 'starting' };
    },
    async answerTurn() {
      // It hears of the cancellation by its next heartbeat.
      await activitySleep(1_000);
      heartbeat();
      await activitySleep('1 minute');
      throw new Error('never comes to that');
    },
  });
  const handle = await begin(fields);
  await eventually(async () => calls.includes('findTurnBefore') || calls.includes('answerTurn'));
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow();
  expect(delivered).toMatchObject([{ text: APOLOGY }]);
  expect(calls).toContain('recordFailedTurn');
});

test('a turn that is cancelled when its reply stands already is remembered like any other', async () => {
  await hosting(undefined, {
    async answerTurn() {
      await new Promise((resolve) => setTimeout(resolve, 800));
      const delivery = { progress: PROGRESS, delivered: true, uncertain: false };
      return { text: 'Rex.', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 }, delivery };
    },
  });
  const handle = await begin();
  await eventually(async () => calls.includes('answerTurn'));
  await handle.cancel();
  expect(await handle.result()).toMatchObject({ reply: { text: 'Rex.' }, missing: [] });
  await eventually(async () => calls.includes('storeTurn'));
  expect(calls).toContain('appendTurnToWindow');
  expect(delivered).toEqual([]);
});
