/** A person takes over: one line in the thread says so, and those who may take over are told where. */
import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import { CHANNEL_CALL_WITHIN_MS } from '../../../domain/timing.ts';
import { HANDED_OVER_LINE } from '../../../domain/words.ts';
import type { Said } from '../../channel.ts';
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
const RECENT_SECONDS = 60 * 60;
const MAX_SUMMARY_PAGES = 5;

export type Telling = {
  client: WebClient;
  place: ThreadPlace;
  threadId: string;
  agentName: string;
  /** Slack's ids of those who may take over. */
  people: readonly string[];
  /** Slack's id of who is spoken with, where that is known. */
  asker: string | undefined;
  /** What of the conversation is at hand, oldest first. */
  said: readonly Said[];
  /** Who has been told before: people, and `THREAD`. */
  told: ReadonlySet<string>;
  /** Notes who has been told. Never rejects. */
  note: (whom: string) => Promise<void>;
  log: Logger;
  /** Aborted: nobody else is told now. */
  signal: AbortSignal | undefined;
  /** Has the thread read when there is a place for that. */
  readInTurn: (until: AbortSignal, read: () => Promise<Said[]>) => Promise<Said[]>;
};

/** Stands for the line in the thread among those who have been told. */
const THREAD = 'thread';

/**
 * Rejects while Slack is away, and with the signal's reason; what Slack refuses for one person leaves the
 * others.
 */
export async function tellPeople(telling: Telling): Promise<void> {
  const { client, place, threadId, agentName, asker, told, note, log } = telling;
  const { channel, threadTs } = place;
  const button = handBackButton(threadId, agentName);
  const tell = async (whom: string, call: () => Promise<unknown>): Promise<void> => {
    if (told.has(whom)) return;
    telling.signal?.throwIfAborted();
    await unlessRefused(log, call);
    await note(whom);
  };
  await tell(THREAD, () =>
    client.chat.postMessage({
      channel,
      thread_ts: threadTs,
      text: HANDED_OVER_LINE,
      blocks: [{ type: 'section', text: plainText(HANDED_OVER_LINE) }, button],
    }),
  );
  const people = [...new Set(telling.people)].filter((person) => !told.has(person));
  if (people.length === 0) return;
  telling.signal?.throwIfAborted();
  const until = telling.signal ?? AbortSignal.timeout(CHANNEL_CALL_WITHIN_MS);
  const reading = telling.readInTurn(until, () => shownIn(client, place, telling.signal));
  // Where there is no place in time, they are told what is at hand.
  const [link, shown] = await Promise.all([linkOf(client, place), reading.catch(() => [])]);
  const summary = summaryOf(shown.length > 0 ? shown : telling.said);
  const who = asker ? ` with <@${asker}>` : '';
  const where = whereText(place, { link, asker });
  const text = `${plainContent(agentName).text} hands over a conversation${who}. ${where}`;
  for (const person of people) {
    const said = summary === '' ? [] : [{ type: 'section' as const, text: plainText(summary) }];
    await tell(person, () =>
      client.chat.postMessage({
        channel: person,
        text,
        blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }, ...said, button],
        unfurl_links: false,
      }),
    );
  }
}

/** Nobody can open what somebody else has said to the agent alone. */
function whereText(
  { channel }: ThreadPlace,
  { link, asker }: { link: string | undefined; asker: string | undefined },
): string {
  if (channel.startsWith('D')) {
    return asker
      ? `It is a direct message to me, which you can’t open: please write to <@${asker}> yourself.`
      : 'It is a direct message to me, which you can’t open.';
  }
  return link ? `<${link}|Open the conversation>` : 'It is in the channel where I was asked.';
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
        text: plainText(`Hand back to ${agentName}`.slice(0, 75).toWellFormed()),
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

/** The newest of what was said; '' of nothing. */
const summaryOf = (said: readonly Said[]): string =>
  said
    .slice(-MAX_SUMMARY_MESSAGES)
    .map(({ text, isAgent }) => `${isAgent ? 'Agent' : 'Person'}: ${shortText(text, MAX_SUMMARY_LENGTH)}`)
    .join('\n');

/**
 * The newest messages of the thread; none when Slack doesn't let us look. Slack gives the oldest first, and
 * to some apps 15 of them once a minute: those of the last hour are asked for, and all where there are none.
 */
async function shownIn(
  client: WebClient,
  place: ThreadPlace,
  signal: AbortSignal | undefined,
): Promise<Said[]> {
  try {
    const recent = await saidSince(client, place, { since: Date.now() / 1000 - RECENT_SECONDS, signal });
    return recent.length > 0 ? recent : await saidSince(client, place, { signal });
  } catch {
    return [];
  }
}

/**
 * What was said in the thread since then, as far as Slack lets us look. Rejects when it doesn't at all, and
 * with the signal's reason instead of the next call.
 */
async function saidSince(
  client: WebClient,
  { channel, threadTs }: ThreadPlace,
  { since, signal }: { since?: number; signal: AbortSignal | undefined },
) {
  const said: Said[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_SUMMARY_PAGES; pages += 1) {
    signal?.throwIfAborted();
    const asked = { channel, ts: threadTs, limit: 200, ...(cursor && { cursor }) };
    const answering = client.conversations.replies({
      ...asked,
      ...(since !== undefined && { oldest: since.toFixed(6) }),
    });
    const answer = await (pages === 0 ? answering : answering.catch(() => undefined));
    // The question itself always comes along.
    const messages = (answer?.messages ?? []).filter(({ ts }) => since === undefined || Number(ts) >= since);
    for (const { text = '', bot_id } of messages) {
      if (text !== '' && text !== HANDED_OVER_LINE) said.push({ text, isAgent: bot_id !== undefined });
    }
    cursor = answer?.response_metadata?.next_cursor;
    if (!cursor) break;
  }
  return said;
}
