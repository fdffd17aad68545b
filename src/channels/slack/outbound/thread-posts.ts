import type { WebClient } from '@slack/web-api';
import { HANDED_BACK_LINE, HANDED_OVER_LINE, isOurWord, PLACEHOLDER, STATUS } from '../../../domain/words.ts';
import { keepNewest } from '../../../lib/keep-newest.ts';
import type { SlackAddress } from '../address.ts';
import { slackTrouble } from '../errors.ts';
import { isAnswerTooLong } from '../client.ts';
import { plainContent, slackContent, type SlackContent } from './outbound-text.ts';
import { partKey, type PostRecord, type PostRef } from './post-record.ts';
import type { Speaker } from './speakers.ts';

/**
 * Sent for every message. Without blocks, so that a reply that must do without them finds none to take away.
 */
export const PLACEHOLDER_CONTENT = plainContent(PLACEHOLDER);

/** A thread in a workspace that we can speak to, and what we know to have posted for a turn. */
export type Place = Speaker & { address: SlackAddress; record: PostRecord };

/**
 * A message of ours that stands in the conversation. `waiting` is whether it is there for the reply to come;
 * undefined when the reply may have been written into it since. With `isOurWord` it says why there is none.
 */
export type Post = { ts: string; waiting: boolean | undefined; pieces: number; isOurWord?: true };
/** Our messages for a turn, by `partKey`, oldest first. */
export type Posts = ReadonlyMap<string, readonly Post[]>;
/** What a look finds. `unnamed` are messages of the agent that don't say what they are, oldest first. */
export type Found = { posts: Posts; unnamed: readonly string[] };

/** What is called of Slack alone. */
type Spot = Pick<Place, 'client' | 'address'> & Partial<Pick<Place, 'name'>>;

const METADATA_EVENT = 'konstruct_reply';
/**
 * Ours are up to 40 kB each, as Slack writes them: a page is within `MAX_ANSWER_BYTES`. People may write more
 * than that: then pages of fewer are asked for.
 */
const PAGE_SIZE = 100;
const FEWER = 4;
/** A thread that has grown by more since the question is looked through no further. */
const MAX_PAGES = 20;

const metadata = ({ messageId, part, piece, pieces, waiting }: PostRef) => ({
  event_type: METADATA_EVENT,
  event_payload: {
    turn: messageId,
    part,
    ...(piece && { piece }),
    ...(pieces && { pieces }),
    ...(waiting && { waiting }),
  },
});

/**
 * Posts a part and returns its `ts`. Not safe to repeat: see `postOnce`. `named: false` leaves the metadata
 * out, `outside: true` posts into the conversation rather than the thread.
 */
export async function postContent(
  spot: Spot,
  ref: PostRef,
  content: SlackContent,
  how: { named?: boolean; outside?: boolean } = {},
): Promise<string> {
  try {
    return await post(spot, ref, content, how);
  } catch (error) {
    const trouble = slackTrouble(error);
    const isForItsName = trouble?.kind === 'refused' && trouble.code === 'missing_scope';
    // Without the scope chat:write.customize the app speaks under its own name.
    if (spot.name === undefined || !isForItsName) throw error;
    return post({ ...spot, name: undefined }, ref, content, how);
  }
}

async function post(
  { client, address, name }: Spot,
  ref: PostRef,
  content: SlackContent,
  { named = true, outside = false }: { named?: boolean; outside?: boolean },
): Promise<string> {
  const { ts } = await client.chat.postMessage({
    channel: address.channel,
    ...(!outside && { thread_ts: address.threadTs }),
    ...content,
    ...(name !== undefined && { username: name }),
    ...(named && { metadata: metadata(ref) }),
    // A reply that quotes links should not grow previews, and a later update would not.
    unfurl_links: false,
    unfurl_media: false,
  });
  return tsOf(ts);
}

/** What Slack calls a message that it has accepted. It is kept, so it must be what Slack writes. */
export function tsOf(ts: string | undefined): string {
  if (ts === undefined || !/^\d{1,20}\.\d{1,20}$/.test(ts))
    throw new Error('Slack accepted a message and did not say its ts');
  return ts;
}

/** Posts a line of our own into a thread that is not being answered. */
export function postPart(
  client: WebClient,
  address: SlackAddress,
  ref: PostRef,
  markdown: string,
): Promise<string> {
  return postContent({ client, address }, ref, slackContent(markdown));
}

/**
 * Writes a part into a message of ours. Safe to repeat. Content without blocks takes away those that are
 * there (docs.slack.dev/reference/methods/chat.update).
 */
export async function updateContent(
  { client, address }: Spot,
  ts: string,
  ref: PostRef,
  content: SlackContent,
  { named = true } = {},
): Promise<void> {
  await client.chat.update({
    channel: address.channel,
    ts,
    ...content,
    // Named again, or an update could leave the message without its name.
    ...(named && { metadata: metadata(ref) }),
  });
}

/**
 * Our messages for a turn, in the thread or, with `outside`, in the conversation. It finds those that Slack
 * accepted without our hearing of it. A stream has no name before it has ended: it is among the `unnamed`,
 * whichever turn it is of. Needs the history scope of the conversation.
 */
export async function findPosts(
  { client, address }: Spot,
  messageId: string,
  how: { outside?: boolean; oldest?: string | undefined } = {},
): Promise<Found> {
  const { outside = false, oldest } = how;
  const begun = [address.channel, address.threadTs, messageId, outside].join(' ');
  // Nothing of ours is older than the question.
  const since = oldest !== undefined && Number(oldest) > Number(address.eventTs) ? oldest : address.eventTs;
  const {
    found,
    unnamed,
    oldest: from,
  } = looks.get(begun) ?? {
    found: new Map<string, Post[]>(),
    unnamed: new Set<string>(),
    oldest: since,
  };
  const page = { channel: address.channel, oldest: from, include_all_metadata: true };
  let cursor: string | undefined;
  let limit = PAGE_SIZE;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const asked = { ...page, limit, ...(cursor && { cursor }) };
    const answer = await (
      outside
        ? client.conversations.history(asked)
        : client.conversations.replies({ ...asked, ts: address.threadTs })
    ).catch((error: unknown) => {
      if (limit === 1 || !isAnswerTooLong(error)) throw error;
      return undefined;
    });
    if (!answer) {
      limit = Math.ceil(limit / FEWER);
      continue;
    }
    for (const { ts, metadata: named, bot_id: botId, text } of answer.messages ?? []) {
      // The thread's first message comes with each page, however old it is.
      if (ts && botId && !named && !isOwnLine(text) && Number(ts) > Number(since)) unnamed.add(ts);
      if (!ts || named?.event_type !== METADATA_EVENT) continue;
      const payload = (named.event_payload ?? {}) as Readonly<Record<string, unknown>>;
      const { turn, part, piece = 0, pieces = 1, waiting } = payload;
      if (turn !== messageId || typeof part !== 'number' || typeof piece !== 'number') continue;
      const key = partKey({ part, piece });
      const word = isOurWord(text ?? '') && ({ isOurWord: true } as const);
      const post = { ts, waiting: waiting === true, pieces: Number(pieces), ...word };
      // The oldest comes first: should there ever be two, all attempts agree on which.
      found.set(
        key,
        [...(found.get(key) ?? []), post].toSorted((a, b) => Number(a.ts) - Number(b.ts)),
      );
    }
    cursor = answer.response_metadata?.next_cursor;
    if (!cursor) break;
    const read = answer.messages?.at(-1)?.ts;
    if (!outside && read !== undefined)
      keepNewest(looks, begun, { oldest: read, found, unnamed }, MAX_LOOKS_KEPT);
  }
  looks.delete(begun);
  return { posts: found, unnamed: [...unnamed].toSorted((a, b) => Number(a) - Number(b)) };
}

/** Where a look goes on that Slack has interrupted: some apps get one page a minute. */
type Look = { oldest: string; found: Map<string, Post[]>; unnamed: Set<string> };
const looks = new Map<string, Look>();
const MAX_LOOKS_KEPT = 1_000;

const OWN_LINES: ReadonlySet<string | undefined> = new Set([HANDED_OVER_LINE, HANDED_BACK_LINE]);
const isOwnLine = (text: string | undefined): boolean => OWN_LINES.has(text);

/** Takes a message of ours away. */
export async function deletePost({ client, address, record }: Place, ts: string): Promise<void> {
  await client.chat.delete({ channel: address.channel, ts });
  record.deleted(ts);
}

/** Shows that the agent is at work, in an assistant thread. Goes away with the next message, or with ''. */
export async function showStatus(
  client: WebClient,
  address: SlackAddress,
  status: string = STATUS,
): Promise<void> {
  await client.assistant.threads.setStatus({
    channel_id: address.channel,
    thread_ts: address.threadTs,
    status,
  });
}
