/** How one part of a reply comes to stand in the conversation, whatever Slack refuses on the way. */
import type { Logger } from 'pino';
import { ChannelError } from '../../channel.ts';
import { askSlack, knownPosts, type KnownPosts } from './known-posts.ts';
import type { SlackContent } from './outbound-text.ts';
import { partKey, type PostRef } from './post-record.ts';
import { postOnce } from './post-once.ts';
import { refusalCause } from './refusals.ts';
import { isStreaming, stopStream } from './streams.ts';
import { deletePost, findPosts, postContent, updateContent } from './thread-posts.ts';
import type { Place, Post } from './thread-posts.ts';

/** What stands in the thread already, as far as known; placing a part may learn more. */
export type ThreadState = {
  known: KnownPosts;
  /** The `ts` of the message that shows that the agent is at work. */
  placeholder: string | undefined;
  log: Logger;
};

/**
 * Writes a part into the message that waits for it, or posts it: exactly one message holds it afterwards.
 * `contents` are the forms to try, richest first.
 */
export async function placePart(
  place: Place,
  threadState: ThreadState,
  ref: PostRef,
  contents: readonly SlackContent[],
  hasLearned = false,
): Promise<void> {
  const holders = holdersOf(threadState, ref);
  for (const { ts } of holders) {
    if (!(await tryUpdate(place, ts, ref, contents))) continue;
    await removeStale(place, holders, ts);
    return;
  }
  // None of them can be changed any more. One that holds the reply already may stay as it is.
  if (holders.some(({ waiting }) => waiting === undefined)) {
    await look(place, threadState, ref);
    await placePart(place, threadState, ref, contents, hasLearned);
    return;
  }
  const standsAlready = holders.find(({ waiting }) => !waiting);
  if (!standsAlready && !(await post(place, threadState, ref, contents))) {
    // An attempt before this one has claimed it: the record says what became of that.
    if (hasLearned) throw new ChannelError('unavailable', 'another attempt posts this reply');
    threadState.known = await knownPosts(place, ref.messageId, threadState.log);
    await placePart(place, threadState, ref, contents, true);
    return;
  }
  await removeStale(place, holders, standsAlready?.ts);
}

/** What is open about what was posted is found out at Slack. */
export async function look(
  place: Place,
  threadState: ThreadState,
  { messageId }: Pick<PostRef, 'messageId'>,
): Promise<void> {
  const { posts: found } = await askSlack(place, messageId, threadState);
  const known = [...threadState.known.posts].map(([key, posts]) => {
    const others = posts.map((post) => ({ ...post, waiting: post.waiting ?? true }));
    const seen = found.get(key) ?? [];
    return [key, [...others.filter(({ ts }) => !seen.some((post) => post.ts === ts)), ...seen]] as const;
  });
  threadState.known = { posts: new Map([...found, ...known]), fromSlack: true };
}

/** The messages that a part may be written into: what holds it first, then the placeholder. */
function holdersOf({ known, placeholder }: ThreadState, ref: PostRef): Post[] {
  const found = known.posts.get(partKey(ref)) ?? [];
  const takesPlaceholder = ref.part === 0 && (ref.piece ?? 0) === 0;
  const isKnown = placeholder === undefined || found.some(({ ts }) => ts === placeholder);
  const all =
    takesPlaceholder && !isKnown ? [{ ts: placeholder, waiting: true, pieces: 1 }, ...found] : found;
  const rank = ({ ts, waiting }: Post) => (waiting === false ? 0 : ts === placeholder ? 1 : 2);
  return all.toSorted((a, b) => rank(a) - rank(b));
}

/** False when the message can't be updated any more: somebody deleted it, or the workspace forbids edits. */
async function tryUpdate(
  place: Place,
  ts: string,
  ref: PostRef,
  contents: readonly SlackContent[],
): Promise<boolean> {
  const update = () =>
    inSomeForm(contents, (content, named) => updateContent(place, ts, ref, content, { named }));
  try {
    await update();
    return true;
  } catch (error) {
    if (refusalCause(error) !== 'message') throw error;
    if (!isStreaming(error)) return false;
  }
  // Somebody has died who was still writing it.
  await stopStream(place, ts);
  try {
    await update();
    return true;
  } catch (error) {
    if (refusalCause(error) === 'message') return false;
    throw error;
  }
}

/**
 * Posts into the thread; when that takes no replies (the question was deleted, say), into the conversation,
 * which the same people read. False, and nothing posted, when it was claimed before.
 */
async function post(
  place: Place,
  { known }: ThreadState,
  ref: PostRef,
  contents: readonly SlackContent[],
): Promise<boolean> {
  const inForm = (outside: boolean) =>
    inSomeForm(contents, (content, named) => postContent(place, ref, content, { named, outside }));
  const ts = await postOnce(place, ref, async () => {
    try {
      return await inForm(false);
    } catch (error) {
      if (refusalCause(error) !== 'thread') throw error;
      // Slack was asked for what stands in the thread; it may stand outside.
      const posted = known.fromSlack ? await findPosts(place, ref.messageId, { outside: true }) : undefined;
      return posted?.posts.get(partKey(ref))?.[0]?.ts ?? (await inForm(true));
    }
  });
  return ts !== undefined;
}

/** Sends the first form that Slack takes. A call that was refused was not carried out. */
async function inSomeForm<T>(
  contents: readonly SlackContent[],
  send: (content: SlackContent, named: boolean) => Promise<T>,
): Promise<T> {
  let named = true;
  let refusal: unknown;
  for (const content of contents) {
    try {
      return await send(content, named);
    } catch (error) {
      refusal = error;
    }
    // Without its name an attempt after this one might post it again: better twice than never.
    if (refusalCause(refusal) === 'name' && named) {
      named = false;
      try {
        return await send(content, named);
      } catch (error) {
        refusal = error;
      }
    }
    if (refusalCause(refusal) !== 'content') throw refusal;
  }
  throw refusal;
}

/**
 * Messages that are there for the reply to come, beside the one that holds it, go away: half replies as well.
 */
async function removeStale(
  place: Place,
  holders: readonly Post[],
  except: string | undefined,
): Promise<void> {
  for (const { ts, waiting } of holders) {
    if (waiting === false || ts === except) continue;
    try {
      // A stream may be open in it, of which nobody has heard.
      if (place.address.surface !== 'channel') await stopStream(place, ts);
      await deletePost(place, ts);
    } catch (error) {
      // It is gone already, or it has to stay. Any other trouble is for the next attempt.
      if (refusalCause(error) === undefined) throw error;
    }
  }
}
