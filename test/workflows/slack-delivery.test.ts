/** How a reply finds its way to Slack: by the step that asks the model, and by `deliverReply` when that didn't do. */
import { afterEach, expect, test } from '@jest/globals';
import { heartbeat, sleep as activitySleep } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../src/activities/index.ts';
import type { InboundMessage, SlackChannel } from '../../src/domain/conversation.ts';
import { APOLOGY } from '../../src/domain/failures.ts';
import type { HandedOver, PlaceholderPosted, SlackReply } from '../../src/domain/delivery.ts';
import { eventually } from '../support/eventually.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { acceptedMessage, hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

type Asked = Parameters<Activities['generateReply']>[0];

const CHANNEL: SlackChannel = {
  type: 'slack',
  team: 'T1',
  channel: 'C1',
  threadTs: '1.1',
  eventTs: '1.1',
  surface: 'channel',
};
const PLACEHOLDER: PlaceholderPosted = { kind: 'message', ts: '2.2' };
const LONG = Array.from({ length: 900 }, (_, i) => `word${i}`).join(' ');

let host: WorkflowHost;
let calls: string[] = [];
let asked: Asked | undefined;
let delivered: SlackReply[] = [];
afterEach(() => host.stop());

async function hosting(
  handedOver: HandedOver | undefined,
  overrides: Partial<Activities> = {},
  text = 'Rex.',
  appended = false,
): Promise<void> {
  calls = [];
  delivered = [];
  const reply = { text, model: 'fake', usage: null };
  host = await hostWorkflows(
    fakeActivities(calls, {
      async generateReply(input) {
        asked = input;
        return {
          ...reply,
          timingsMs: { firstToken: 1, total: 1, slack: 7 },
          ...(handedOver && { handedOver }),
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
  const input = acceptedMessage({ channel: CHANNEL, threadId: 'slack:T1:C1:1.1', ...fields });
  return host.start({ ...input, agent: { ...input.agent, liveReplies } });
};
const answer = async (...args: Parameters<typeof begin>) => (await begin(...args)).result();

test('all goes well: one activity shows that it is at work, asks the model and brings the reply', async () => {
  await hosting({ placeholder: PLACEHOLDER, delivered: true, tried: false }, {}, 'Rex.', true);
  const result = await answer();
  expect(asked?.slack).toMatchObject({ place: CHANNEL, threadId: 'slack:T1:C1:1.1' });
  expect(asked?.slack?.window).toEqual({ userId: 'ada', seq: 1 });
  await eventually(async () => calls.includes('storeTurn'));
  expect(calls).toEqual(['gatherContext', 'generateReply', 'storeTurn']);
  expect(result).toMatchObject({ missing: [], timingsMs: { llm: 1, slack: 7 } });
});

test('a turn that its reply could not put into the window at once is put there by the workflow', async () => {
  await hosting({ placeholder: PLACEHOLDER, delivered: true, tried: false });
  await answer();
  expect(calls.slice(0, 3)).toEqual(['gatherContext', 'generateReply', 'appendTurnToWindow']);
  expect(delivered).toEqual([]);
});

test('a first try that failed: deliverReply knows of the placeholder, and that it has to look', async () => {
  await hosting({ placeholder: PLACEHOLDER, delivered: false, tried: true });
  expect((await answer()).missing).toEqual([]);
  expect(delivered).toMatchObject([{ placeholder: PLACEHOLDER, tried: true, parts: ['Rex.'] }]);
});

test('a reply that was left to deliverReply needs no looking', async () => {
  await hosting({ placeholder: PLACEHOLDER, delivered: false, tried: false }, {}, LONG);
  await answer();
  expect(delivered).toHaveLength(1);
  expect(delivered[0]?.parts.length).toBeGreaterThan(1);
  expect(delivered[0]).toMatchObject({ placeholder: PLACEHOLDER });
  expect(delivered[0]).not.toHaveProperty('tried');
});

test('when Slack asked to wait, the workflow waits before the next call', async () => {
  await hosting({ placeholder: null, delivered: false, tried: true, retryAfterMs: 1_200 });
  const started = Date.now();
  await answer();
  expect(Date.now() - started).toBeGreaterThanOrEqual(1_200);
  expect(delivered).toMatchObject([{ placeholder: null, tried: true }]);
});

test('the model fails for good: the apology takes the place of the placeholder', async () => {
  await hosting(undefined, {
    generateReply: () =>
      Promise.reject(
        ApplicationFailure.create({
          type: 'LlmRejected',
          message: 'no',
          nonRetryable: true,
          details: [{ handedOver: { placeholder: PLACEHOLDER, delivered: false, tried: true } }],
        }),
      ),
  });
  await expect(answer()).rejects.toThrow();
  expect(delivered).toMatchObject([{ placeholder: PLACEHOLDER, tried: true, parts: [APOLOGY] }]);
});

test('a turn that has to wait shows at once that it is there, and its reply replaces just that', async () => {
  let looks = 0;
  await hosting(undefined, {
    // The turn before is long in coming: the placeholder is due before that.
    async findTurnBefore() {
      looks += 1;
      return { state: looks < 8 ? 'starting' : 'none' };
    },
    async postPlaceholder() {
      return PLACEHOLDER;
    },
  });
  await answer({ seq: 2, turnsAhead: 1 }, true);
  expect(calls).toContain('postPlaceholder');
  expect(asked).not.toHaveProperty('slack');
  expect(asked?.live).toEqual({ messageId: expect.any(String), place: CHANNEL, ts: PLACEHOLDER.ts });
  expect(delivered).toMatchObject([{ placeholder: PLACEHOLDER }]);
});

test('a turn whose wait is over at once needs no placeholder of its own', async () => {
  await hosting({ placeholder: PLACEHOLDER, delivered: true, tried: false });
  await answer({ seq: 2, turnsAhead: 1 });
  expect(calls).not.toContain('postPlaceholder');
  expect(asked?.slack).toBeDefined();
});

test.each([
  ['while it waits for its turn', { seq: 2, turnsAhead: 1 }],
  ['while the model is at work', {}],
])('a turn that is cancelled %s says so to the person, and ends', async (_, fields) => {
  await hosting(undefined, {
    async findTurnBefore() {
      return { state: 'starting' };
    },
    async generateReply() {
      // It hears of the cancellation by its next heartbeat.
      await activitySleep(1_000);
      heartbeat();
      await activitySleep('1 minute');
      throw new Error('never comes to that');
    },
  });
  const handle = await begin(fields);
  await eventually(async () => calls.includes('findTurnBefore') || calls.includes('generateReply'));
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow();
  expect(delivered).toMatchObject([{ parts: [APOLOGY] }]);
  expect(calls).toContain('recordFailedTurn');
});

test('a turn that is cancelled when its reply stands already is remembered like any other', async () => {
  await hosting(undefined, {
    async generateReply() {
      await new Promise((resolve) => setTimeout(resolve, 800));
      const handedOver = { placeholder: PLACEHOLDER, delivered: true, tried: false };
      return { text: 'Rex.', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 }, handedOver };
    },
  });
  const handle = await begin();
  await eventually(async () => calls.includes('generateReply'));
  await handle.cancel();
  expect(await handle.result()).toMatchObject({ reply: { text: 'Rex.' }, missing: [] });
  await eventually(async () => calls.includes('storeTurn'));
  expect(calls).toContain('appendTurnToWindow');
  expect(delivered).toEqual([]);
});
