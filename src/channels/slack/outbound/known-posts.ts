/**
 * What stands in a conversation for a turn: by our own record, and where that is open, by Slack's history.
 */
import type { Logger } from 'pino';
import { slackTrouble } from '../errors.ts';
import { partKey, type RecordedPost } from './post-record.ts';
import { findPosts, type Found, type Place, type Post, type Posts } from './thread-posts.ts';

/** Slack's clock and ours may differ by as much as its signatures may (signature.ts). */
const CLOCKS_DIFFER_MS = 5 * 60_000;

export type KnownPosts = {
  posts: Posts;
  /** Whether Slack was asked: then it is known what waits for a reply and what holds one. */
  fromSlack: boolean;
};

/** Nothing: the first attempt has nothing to look for. */
export const NOTHING_POSTED: KnownPosts = { posts: new Map(), fromSlack: false };

/** Rejects while Slack must be asked and doesn't answer: better late than twice. */
export async function knownPosts(place: Place, messageId: string, log: Logger): Promise<KnownPosts> {
  const recorded = await place.record.read().catch((error: unknown) => {
    log.warn({ err: error }, 'what was posted in Slack can’t be read');
    return undefined;
  });
  const open = recorded?.posts.filter(({ state }) => state === 'trying') ?? [];
  if (recorded?.isWhole && open.length === 0) return { posts: postsOf(recorded.posts), fromSlack: false };
  const since = recorded?.isWhole ? Math.min(...open.map(({ triedAt }) => triedAt.getTime())) : undefined;
  const found = await askSlack(place, messageId, { since, log });
  const posts = withStreams(found, await ownStreams(place, recorded?.posts ?? [], found));
  settle(place, recorded?.posts ?? [], posts);
  return { posts: merged(recorded?.posts ?? [], posts), fromSlack: true };
}

/**
 * Which messages without a name are streams that this turn has begun without hearing of it. In a conversation
 * with the agent nobody else has a bot; other turns have. To write into one of theirs would lose a reply, so
 * none is taken while it can't be told whose they are: better half a reply too many. Asked after the look, so
 * whoever has begun what was seen has claimed it by now.
 */
async function ownStreams(
  { address, record }: Place,
  recorded: readonly RecordedPost[],
  { unnamed }: Found,
): Promise<readonly string[]> {
  const begun = recorded.filter(({ state, part, waiting }) => state === 'trying' && part === 0 && waiting);
  if (address.surface === 'channel' || begun.length === 0 || unnamed.length === 0) return [];
  const others = await record.readOthers();
  if (others.isTrying) return [];
  const known = new Set([...others.posted, ...recorded.flatMap(({ ts }) => ts ?? [])]);
  const left = unnamed.filter((ts) => !known.has(ts));
  // More than were begun: somebody has begun one without a record.
  return left.length > begun.length ? [] : left;
}

function withStreams({ posts }: Found, streams: readonly string[]): Posts {
  if (streams.length === 0) return posts;
  const first = partKey({ part: 0 });
  const found = streams.map((ts): Post => ({ ts, waiting: true, pieces: 1 }));
  return new Map([...posts, [first, [...(posts.get(first) ?? []), ...found]]]);
}

/** What Slack's history says, whatever is recorded. */
export async function askSlack(
  place: Place,
  messageId: string,
  { since, log }: { since?: number | undefined; log: Logger },
): Promise<Found> {
  const oldest = since === undefined ? undefined : String((since - CLOCKS_DIFFER_MS) / 1000);
  try {
    return await findPosts(place, messageId, { oldest });
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble?.kind !== 'refused') throw error;
    // Without the scope to look, an answer that may come twice is better than none.
    log.warn({ code: trouble.code }, 'Slack does not let us look for what was posted before');
    return { posts: new Map(), unnamed: [] };
  }
}

function postsOf(recorded: readonly RecordedPost[]): Map<string, Post[]> {
  const posts = new Map<string, Post[]>();
  for (const { state, ts, waiting, pieces, ...key } of recorded) {
    if (state !== 'posted' || ts === null) continue;
    const before = posts.get(partKey(key)) ?? [];
    posts.set(partKey(key), [...before, { ts, waiting: waiting ? undefined : false, pieces }]);
  }
  for (const [key, ofPart] of posts) {
    // What was posted to hold the reply was posted since the one before could not take it.
    const isHeld = ofPart.some(({ waiting }) => waiting === false);
    if (isHeld)
      posts.set(
        key,
        ofPart.map((post) => ({ ...post, waiting: post.waiting ?? true })),
      );
  }
  return posts;
}

/** Each claim whose end is open gets the message that was found and that no other claim has, or none. */
function settle({ record }: Place, recorded: readonly RecordedPost[], found: Posts): void {
  const known = new Set(recorded.flatMap(({ ts }) => ts ?? []));
  for (const post of recorded) {
    if (post.state !== 'trying') continue;
    const ts = found.get(partKey(post))?.find((other) => !known.has(other.ts))?.ts;
    if (ts !== undefined) known.add(ts);
    record.settle(post, ts);
  }
}

/** What was found counts; what was not looked at, since it is older, stands by the record. */
function merged(recorded: readonly RecordedPost[], found: Posts): Posts {
  const posts = postsOf(recorded);
  for (const [key, ofPart] of found) {
    const known = (posts.get(key) ?? []).filter(({ ts }) => !ofPart.some((post) => post.ts === ts));
    posts.set(key, [...known, ...ofPart]);
  }
  return posts;
}
