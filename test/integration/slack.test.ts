import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually, startSlackDeployment, type SlackDeployment } from '../support/slack-deployment.ts';
import { BOT } from '../support/slack-stand-in.ts';

let deployment: SlackDeployment;
beforeAll(async () => {
  deployment = await startSlackDeployment();
});
afterAll(() => deployment.close());

const MENTION = `<@${BOT.user}>`;

/** Says something in the channel and returns the event that Slack makes of it. */
async function mention(text: string, threadTs?: string) {
  const { slack } = deployment;
  const channel = slack.places.channel;
  const ts = await slack.say(channel, text, threadTs);
  const event = {
    type: 'app_mention',
    user: slack.people.ada,
    channel,
    text,
    ts,
    ...(threadTs && { thread_ts: threadTs }),
  };
  return { event, channel, ts, thread: threadTs ?? ts };
}

/** The texts of the bot's messages in a thread once they are `count` and none is a placeholder. */
async function answers(channel: string, thread: string, count = 1): Promise<string[]> {
  return eventually(`${count} answers in ${thread}`, async () => {
    const texts = (await deployment.slack.answers(channel, thread)).map(({ text }) => text);
    return texts.length === count && !texts.includes('Thinking…') && texts;
  });
}

describe('a mention', () => {
  test('is answered in its thread, by one message that is updated', async () => {
    const { event, channel, ts } = await mention(`${MENTION} what's up?`);
    const response = await deployment.send(event);
    expect(response.status).toBe(200);
    expect(await answers(channel, ts)).toEqual(["Noted: what's up?"]);
    expect(deployment.llm.prompts.at(-1)?.at(-1)?.content).toBe("what's up?");
    const posts = deployment.slack
      .callsOf('chat.postMessage')
      .filter((call) => call.body['thread_ts'] === ts);
    expect(posts).toHaveLength(1);
  });
});
