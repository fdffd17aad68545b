/** A person takes over: one line in the thread says so, and those who may take over are told where. */
import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import { HANDED_OVER_LINE } from '../../../domain/words.ts';
import { slackTrouble } from '../errors.ts';
import { plainContent } from '../outbound/outbound-text.ts';
import { plainText, shortText } from '../shown-text.ts';

/** A thread in Slack. */
export type ThreadPlace = { team: string; channel: string; threadTs: string };

/** The action of the button by which somebody gives the thread back to the agent. */
export const HAND_BACK = 'konstruct_hand_back';

/** What is told of the conversation: the newest of it. */
const MAX_SUMMARY_MESSAGES = 6;
const MAX_SUMMARY_LENGTH = 300;

export type Telling = {
  client: WebClient;
  place: ThreadPlace;
  threadId: string;
  agentName: string;
  /** Slack's ids of those who may take over. */
  people: readonly string[];
  /** Slack's id of who is spoken with, where that is known. */
  asker: string | undefined;
  log: Logger;
};

/** Rejects while Slack is away; what it refuses for one person leaves the others. */
export async function tellPeople(telling: Telling): Promise<void> {
  const { client, place, threadId, agentName, people, asker, log } = telling;
  const { channel, threadTs } = place;
  const button = handBackButton(threadId, agentName);
  await unlessRefused(log, () =>
    client.chat.postMessage({
      channel,
      thread_ts: threadTs,
      text: HANDED_OVER_LINE,
      blocks: [{ type: 'section', text: plainText(HANDED_OVER_LINE) }, button],
    }),
  );
  if (people.length === 0) return;
  const [link, summary] = await Promise.all([linkOf(client, place), summaryOf(client, place)]);
  const who = asker ? ` with <@${asker}>` : '';
  const where = link ? `<${link}|Open the conversation>` : 'It is in the channel where I was asked.';
  const text = `${plainContent(agentName).text} hands over a conversation${who}. ${where}`;
  for (const person of people) {
    const said = summary === '' ? [] : [{ type: 'section' as const, text: plainText(summary) }];
    await unlessRefused(log, () =>
      client.chat.postMessage({
        channel: person,
        text,
        blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }, ...said, button],
        unfurl_links: false,
      }),
    );
  }
}

/** Somebody may be gone, or the place: the others are told all the same. */
async function unlessRefused(log: Logger, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble?.kind !== 'refused') throw error;
    log.warn({ code: trouble.code }, 'somebody who is to take over can’t be told');
  }
}

export function handBackButton(threadId: string, agentName: string) {
  return {
    type: 'actions' as const,
    elements: [
      {
        type: 'button' as const,
        action_id: HAND_BACK,
        value: threadId,
        text: plainText(`Hand back to ${agentName}`.slice(0, 75)),
      },
    ],
  };
}

async function linkOf(client: WebClient, { channel, threadTs }: ThreadPlace): Promise<string | undefined> {
  const asked = client.chat.getPermalink({ channel, message_ts: threadTs });
  return asked.then(
    ({ permalink }) => permalink,
    () => undefined,
  );
}

/** The newest messages of the thread; '' when Slack doesn't let us look. */
async function summaryOf(client: WebClient, { channel, threadTs }: ThreadPlace): Promise<string> {
  try {
    const { messages = [] } = await client.conversations.replies({ channel, ts: threadTs, limit: 200 });
    const said = messages.filter(({ text }) => text && text !== HANDED_OVER_LINE);
    return said
      .slice(-MAX_SUMMARY_MESSAGES)
      .map(
        ({ text = '', bot_id }) => `${bot_id ? 'Agent' : 'Person'}: ${shortText(text, MAX_SUMMARY_LENGTH)}`,
      )
      .join('\n');
  } catch {
    return '';
  }
}
