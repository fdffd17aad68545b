/** What people do in Slack, and what they then see. */
import { PLACEHOLDER } from '../../src/domain/words.ts';
import { eventually } from './eventually.ts';
import type { TestDatabase } from './services.ts';
import { BOT, type Message, type SlackStandIn } from './slack-stand-in.ts';

export const MENTION = `<@${BOT.user}>`;

/** A message that somebody has posted: the event that Slack makes of it, and the thread of its answer. */
export type Said = { event: Record<string, unknown>; channel: string; ts: string; thread: string };

export function talk({
  slack,
  baseUrl,
  database,
}: {
  slack: SlackStandIn;
  baseUrl: string;
  database: TestDatabase;
}) {
  const say = async (
    type: string,
    place: 'channel' | 'direct',
    text: string,
    threadTs?: string,
  ): Promise<Said> => {
    const channel = slack.places[place];
    const ts = await slack.say(channel, text, threadTs);
    const event = {
      type,
      user: slack.people.ada,
      channel,
      text,
      ts,
      event_ts: ts,
      ...(type === 'message' && { channel_type: place === 'direct' ? 'im' : 'channel' }),
      ...(threadTs && { thread_ts: threadTs }),
    };
    return { event, channel, ts, thread: threadTs ?? ts };
  };

  /** The bot's messages in a thread, once they are `count` and none is a placeholder any more. */
  const messages = (said: Said, count = 1, timeoutMs?: number): Promise<Message[]> =>
    eventually(
      async () => {
        const found = await slack.answers(said.channel, said.thread);
        return found.length === count && found.every(({ text }) => text !== PLACEHOLDER) && found;
      },
      { timeoutMs, what: `${count} answers in ${said.thread}` },
    );

  return {
    /** Mentions the agent in the channel; the text needs no mention of its own. */
    mention: (text: string, threadTs?: string) =>
      say('app_mention', 'channel', `${MENTION} ${text}`, threadTs),
    message: (text: string, threadTs?: string) => say('message', 'channel', text, threadTs),
    direct: (text: string, threadTs?: string) => say('message', 'direct', text, threadTs),
    messages,
    answers: async (said: Said, count = 1, timeoutMs?: number) =>
      (await messages(said, count, timeoutMs)).map(({ text }) => text),
    /** Our posts of new messages into a thread, as Slack received them. */
    posts: (said: Said) =>
      slack.callsOf('chat.postMessage').filter(({ body }) => body['thread_ts'] === said.thread),
    /** How often an event met with this outcome. */
    outcomes: async (outcome: string): Promise<number> => {
      const metrics = await (await fetch(`${baseUrl}/metrics`)).text();
      const labels = `channel="slack",outcome="${outcome}"`;
      const found = new RegExp(`konstruct_channel_events_total\\{${labels}\\} (\\d+)`).exec(metrics);
      return Number(found?.[1] ?? 0);
    },
    /** How many turns the ledger holds. */
    turns: async (): Promise<number> => {
      const { rows } = await database.admin.query<{ count: string }>('SELECT count(*) FROM turns');
      return Number(rows[0]?.count);
    },
  };
}
