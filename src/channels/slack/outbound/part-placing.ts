/** How one part of a reply comes to stand in the conversation, whatever Slack refuses on the way. */
import type { SlackContent } from './outbound-text.ts';
import { refusalCause } from './refusals.ts';
import { deletePost, findPosts, partKey, postContent, updateContent } from './thread-posts.ts';
import type { Place, Post, PostRef, Posts } from './thread-posts.ts';

/** What stands in the thread already, as far as known. */
export type ThreadState = {
  posts: Posts;
  /** The `ts` of the message that shows that the agent is at work. */
  placeholder: string | undefined;
  /** Whether more may stand there than is known. */
  unsure: boolean;
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
): Promise<void> {
  const holders = holdersOf(threadState, ref);
  for (const { ts } of holders) {
    if (!(await tryUpdate(place, ts, ref, contents))) continue;
    await removeStale(place, holders, ts);
    return;
  }
  // None of them can be changed any more. One that holds the reply already may stay as it is.
  const standsAlready = holders.find(({ waiting }) => !waiting);
  if (!standsAlready) await post(place, threadState, ref, contents);
  await removeStale(place, holders, standsAlready?.ts);
}

/** The messages that a part may be written into: the placeholder first, which every attempt knows. */
function holdersOf({ posts, placeholder }: ThreadState, ref: PostRef): Post[] {
  const found = posts.get(partKey(ref)) ?? [];
  const takesPlaceholder = ref.part === 0 && (ref.piece ?? 0) === 0;
  if (!takesPlaceholder || placeholder === undefined) return [...found];
  const known = found.find(({ ts }) => ts === placeholder) ?? { ts: placeholder, waiting: true, pieces: 1 };
  return [known, ...found.filter(({ ts }) => ts !== placeholder)];
}

/** False when the message can't be updated any more: somebody deleted it, or the workspace forbids edits. */
async function tryUpdate(
  place: Place,
  ts: string,
  ref: PostRef,
  contents: readonly SlackContent[],
): Promise<boolean> {
  try {
    await inSomeForm(contents, (content, named) => updateContent(place, ts, ref, content, { named }));
    return true;
  } catch (error) {
    if (refusalCause(error) === 'message') return false;
    throw error;
  }
}

/**
 * Posts into the thread; when that takes no replies (the question was deleted, say), into the conversation,
 * which the same people read.
 */
async function post(
  place: Place,
  { unsure }: ThreadState,
  ref: PostRef,
  contents: readonly SlackContent[],
): Promise<void> {
  try {
    await inSomeForm(contents, (content, named) => postContent(place, ref, content, { named }));
  } catch (error) {
    if (refusalCause(error) !== 'thread') throw error;
    if (unsure) {
      const posted = await findPosts(place, ref.messageId, { outside: true });
      if (posted.has(partKey(ref))) return;
    }
    await inSomeForm(contents, (content, named) =>
      postContent(place, ref, content, { named, outside: true }),
    );
  }
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

/** Messages that still say that the agent is at work, beside the one that holds the reply, go away. */
async function removeStale(
  place: Place,
  holders: readonly Post[],
  except: string | undefined,
): Promise<void> {
  for (const { ts, waiting } of holders) {
    if (!waiting || ts === except) continue;
    try {
      await deletePost(place, ts);
    } catch (error) {
      // It is gone already, or it has to stay. Any other trouble is for the next attempt.
      if (refusalCause(error) === undefined) throw error;
    }
  }
}
