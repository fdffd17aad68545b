/** What Slack refuses, and what then stands in the thread: the reply, once, and no placeholder. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createAnswerTurn } from '../../src/activities/answer-turn.ts';
import type { DeliveryState, DeliveryTurn } from '../../src/domain/delivery.ts';
import type { TurnAnswer } from '../../src/domain/turn.ts';
import { PLACEHOLDER, REPLY_NOT_SHOWN } from '../../src/domain/words.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { startSlackDelivery, type SlackDelivery } from '../support/slack-delivery.ts';
import type { Fault, SlackStandIn } from '../support/slack-stand-in.ts';

let thread: SlackDelivery;
let slack: SlackStandIn;
beforeAll(async () => {
  thread = await startSlackDelivery();
  ({ slack } = thread);
});
afterEach(() => slack.heal());
afterAll(() => thread.stop());

const TWO_TABLES = '| a |\n|---|\n| 1 |\n\nand\n\n| b |\n|---|\n| 2 |';
const refuse = (error: string, when?: Fault['when']): Fault => ({
  kind: 'refuse',
  error,
  ...(when && { when }),
});
const always = (fault: Fault): Fault[] => Array.from({ length: 60 }, () => fault);
const withBlocks = (body: Record<string, string>) => 'blocks' in body;

/** The step that asks the model, and delivers early where it may. */
async function answer(turn: DeliveryTurn, text: string, grow?: string[]): Promise<DeliveryState> {
  const environment = new MockActivityEnvironment({
    attempt: 1,
    currentAttemptScheduledTimestampMs: Date.now(),
  });
  const { answerTurn } = createAnswerTurn({
    redis: thread.redis,
    windowBytes: 200_000_000,
    channels: thread.channels(),
    runAgent: async (_text, _agent, _messages, { onProgress } = {}) => {
      for (const grown of grow ?? []) {
        await new Promise((resolve) => setTimeout(resolve, 1_800));
        onProgress?.(grown);
      }
      return { text, model: 'scripted', usage: null, firstTokenMs: 1, totalMs: 1 };
    },
  });
  const agent = { ...acceptedMessage().agent, liveReplies: grow !== undefined };
  const reply: TurnAnswer = await environment.run(answerTurn, {
    text: 'q',
    agent,
    messages: [],
    delivery: { turn },
  });
  if (!reply.delivery) throw new Error('nothing was said of the delivery');
  return reply.delivery;
}

describe('refusals of the content', () => {
  test.each([
    // vellum-assistant PR 25557
    'invalid_blocks',
    'invalid_blocks_format',
    // bolt-js 2509
    'msg_blocks_too_long',
    'markdown_text_conflict',
    'invalid_attachments',
    'a_word_of_next_year',
  ])('%s: the reply comes as text, in the one message there is', async (error) => {
    const turn = await thread.question();
    slack.fail('chat.update', ...always(refuse(error, withBlocks)));
    const state = await answer(turn, TWO_TABLES);
    // What was refused was not carried out: nobody needs to look, and nobody waits.
    expect(state).toMatchObject({ delivered: false, uncertain: false });
    expect(state).not.toHaveProperty('retryAfterMs');
    const looked = slack.callsOf('conversations.replies').length;
    await thread.deliver(turn, state, TWO_TABLES);
    expect(slack.callsOf('conversations.replies')).toHaveLength(looked);
    const [message, ...others] = await thread.answers(turn);
    expect(others).toEqual([]);
    expect(message?.blocks ?? []).toEqual([]);
    expect(message?.text).toContain('| 1 |');
    expect(message?.text).toContain('| 2 |');
  });

  test('in an assistant thread, where the reply is a post', async () => {
    const turn = await thread.question('assistant');
    slack.fail('chat.postMessage', ...always(refuse('invalid_blocks', withBlocks)));
    await thread.deliver(turn, await answer(turn, TWO_TABLES), TWO_TABLES);
    expect(await thread.texts(turn)).toEqual([expect.stringContaining('| 2 |')]);
  });

  test('a text that is too long even so goes in pieces, and a repeated attempt doubles none', async () => {
    const turn = await thread.question();
    const words = Array.from({ length: 600 }, (_, i) => `word${i}`).join(' ');
    const tooLong = refuse('msg_too_long', ({ text = '' }) => text.length > 2_000);
    slack.fail('chat.update', ...always(tooLong));
    slack.fail('chat.postMessage', ...always(tooLong));
    const state = await answer(turn, words);
    await thread.deliver(turn, state, words);
    const first = await thread.texts(turn);
    expect(first.length).toBeGreaterThan(3);
    expect(first.join('').replaceAll(' ', '')).toBe(words.replaceAll(' ', ''));
    await thread.deliver(turn, { ...state, uncertain: true }, words, 2);
    expect(await thread.texts(turn)).toEqual(first);
  });

  test('metadata: the reply comes without', async () => {
    const turn = await thread.question('assistant');
    slack.fail(
      'chat.postMessage',
      ...always(refuse('invalid_metadata_format', (body) => 'metadata' in body)),
    );
    await thread.deliver(turn, await answer(turn, 'Rex.'), 'Rex.');
    expect(await thread.texts(turn)).toEqual(['Rex.']);
  });

  test('in no form: a line says so in place of the placeholder, and the delivery is refused', async () => {
    const turn = await thread.question();
    slack.fail('chat.update', ...always(refuse('invalid_text', ({ text = '' }) => text.includes('Rex'))));
    const state = await answer(turn, 'Rex.');
    await expect(thread.deliver(turn, state, 'Rex.')).rejects.toMatchObject({ type: 'DeliveryRefused' });
    expect(await thread.texts(turn)).toEqual([REPLY_NOT_SHOWN]);
  });

  test('while the reply grows: the next update and the final one go all the same', async () => {
    const turn = await thread.question();
    slack.fail('chat.update', refuse('invalid_blocks'));
    const state = await answer(turn, 'The whole reply.', ['The', 'The whole']);
    expect(state).toMatchObject({ delivered: true, uncertain: false });
    expect(
      slack
        .callsOf('chat.update')
        .slice(-3)
        .map(({ body }) => body['text']),
    ).toEqual(['The …', 'The whole …', 'The whole reply.']);
    expect(await thread.texts(turn)).toEqual(['The whole reply.']);
  });
});

describe('refusals of the message', () => {
  test.each(['edit_window_closed', 'cant_update_message', 'streaming_state_conflict'])(
    '%s: the reply is a new message and the placeholder goes away',
    async (error) => {
      const turn = await thread.question();
      slack.fail('chat.update', ...always(refuse(error)));
      const state = await answer(turn, 'Rex.');
      await thread.deliver(turn, state, 'Rex.');
      expect(await thread.texts(turn)).toEqual(['Rex.']);
      // Nothing can be edited in this workspace, so what stands is taken for the reply.
      await thread.deliver(turn, { ...state, uncertain: true }, 'Rex.', 2);
      expect(await thread.texts(turn)).toEqual(['Rex.']);
    },
  );

  test('a placeholder that may not be deleted stays, and the reply is there', async () => {
    const turn = await thread.question();
    slack.fail('chat.update', ...always(refuse('edit_window_closed')));
    slack.fail('chat.delete', refuse('cant_delete_message'));
    await thread.deliver(turn, await answer(turn, 'Rex.'), 'Rex.');
    expect(await thread.texts(turn)).toEqual([PLACEHOLDER, 'Rex.']);
  });
});

describe('refusals of the thread', () => {
  // hermes-agent 98285
  test.each(['cannot_reply_to_message', 'thread_not_found'])(
    '%s: the reply comes outside of it, once',
    async (error) => {
      const turn = await thread.question('assistant');
      slack.fail('chat.postMessage', ...always(refuse(error, (body) => 'thread_ts' in body)));
      const state = await answer(turn, 'Rex.');
      await thread.deliver(turn, state, 'Rex.');
      await thread.deliver(turn, { ...state, uncertain: true }, 'Rex.', 2);
      const posted = slack
        .callsOf('chat.postMessage')
        .filter(({ body }) => !('thread_ts' in body) && body['metadata']?.includes(turn.messageId));
      expect(posted.map(({ body }) => body['text'])).toEqual(['Rex.']);
    },
  );
});

describe('refusals of the place', () => {
  test.each(['is_archived', 'not_in_channel', 'token_revoked', 'restricted_action_thread_locked'])(
    '%s: the delivery is refused and the placeholder taken away, by as few calls as that takes',
    async (error) => {
      const turn = await thread.question();
      slack.fail('chat.update', ...always(refuse(error)));
      const state = await answer(turn, 'Rex.');
      const before = slack.callsOf('chat.update').length;
      await expect(thread.deliver(turn, state, 'Rex.')).rejects.toMatchObject({ type: 'DeliveryRefused' });
      expect(slack.callsOf('chat.update')).toHaveLength(before + 1);
      expect(await thread.texts(turn)).toEqual([]);
    },
  );
});
