/** How a turn is answered in its thread. */
import type { RedisClient } from '../../../redis/connection.ts';
import type { Logger } from 'pino';
import { REPLY_NOT_SHOWN } from '../../../domain/words.ts';
import type { SlackAddress, SlackProgress } from '../address.ts';
import { ChannelError } from '../../channel.ts';
import { slackTrouble } from '../errors.ts';
import { markEngaged } from '../threads.ts';
import { cutAsBefore, type LaidOut } from './lay-out.ts';
import { plainContent, plainPieces, type SlackContent } from './outbound-text.ts';
import { knownPosts, NOTHING_POSTED } from './known-posts.ts';
import { look, placePart, type ThreadState } from './part-placing.ts';
import { postOnce } from './post-once.ts';
import { partKey, type PostRef } from './post-record.ts';
import { refusalCause } from './refusals.ts';
import { withButtons, type ReplyButtons } from './reply-buttons.ts';
import { beginSession, endSession } from './session-status.ts';
import { stopStream } from './streams.ts';
import { deletePost, PLACEHOLDER_CONTENT, postContent, showStatus, type Place } from './thread-posts.ts';

/**
 * Shows in the thread that the agent is at work: a status in an assistant thread, else a message that the
 * reply will replace. When it is uncertain whether Slack has the message already, it looks.
 */
export async function showAtWork(options: {
  place: Place;
  ref: PostRef;
  asMessage: boolean;
  uncertain: boolean;
  log: Logger;
}): Promise<SlackProgress> {
  const { place, ref, asMessage, uncertain, log } = options;
  const { surface } = place.address;
  // In a conversation with the agent a reply that grows is a stream of its own.
  const begun = surface === 'channel' ? 'no' : await beginSession(place);
  if (begun === 'yes') return { kind: 'session' };
  const session = begun === 'unknown' && ({ session: true } as const);
  if (surface === 'assistant' && !asMessage && (await tryStatus(place)))
    return { kind: 'status', ...session };
  const postedBefore = async () =>
    (await knownPosts(place, ref.messageId, log)).posts.get(partKey(ref))?.[0]?.ts;
  const waiting = { ...ref, waiting: true };
  const ts =
    (uncertain ? await postedBefore() : undefined) ??
    (await postOnce(place, waiting, () => postContent(place, waiting, PLACEHOLDER_CONTENT))) ??
    (await postedBefore());
  if (ts === undefined) throw new ChannelError('unavailable', 'another attempt posts into this thread');
  return { kind: 'message', ts, ...session };
}

/**
 * Brings the reply to the thread: the first part in place of the progress, the others below it. Each message
 * of ours is claimed in our record before it is posted, so an attempt that is uncertain knows what is there
 * and posts only what isn't. What Slack refuses for how it is written goes again as plain text; when it
 * refuses for good, the progress is taken away.
 */
export async function replaceProgress(options: {
  place: Place;
  log: Logger;
  messageId: string;
  progress: SlackProgress | null;
  text: string;
  laidOut: readonly LaidOut[];
  /** Under the last part. */
  buttons: ReplyButtons | undefined;
  uncertain: boolean;
  /** Asked before each part. */
  isOver?: (() => boolean) | undefined;
}): Promise<void> {
  const { place, log, messageId, progress, buttons, isOver } = options;
  // When nobody knows of a placeholder, it may have been posted all the same.
  const unsure = options.uncertain || progress === null;
  const threadState: ThreadState = {
    known: unsure ? await knownPosts(place, messageId, log) : NOTHING_POSTED,
    placeholder: progress?.kind === 'message' || progress?.kind === 'stream' ? progress.ts : undefined,
    log,
  };
  const standing = [...threadState.known.posts.keys()].map((key) => Number.parseInt(key, 10));
  const parts = cutAsBefore(options, standing);
  if (!parts) throw new ChannelError('unavailable', 'the reply could not be read in time, as it was before');
  if (progress?.kind === 'stream') await stopStream(place, progress.ts);
  let refused: Error | undefined;
  let isWaiting = true;
  try {
    for (const laidOut of parts) {
      const { part } = laidOut;
      if (isOver?.()) throw new ChannelError('unavailable', 'another attempt may go on in place of this one');
      try {
        const below = laidOut === parts.at(-1) ? buttons : undefined;
        await deliverPart(place, threadState, { messageId, part }, laidOut, below);
      } catch (error) {
        if (refusalCause(error) !== 'content') throw error;
        // However it is written, Slack takes it not: a line says so, and the others still go.
        log.warn({ code: refusedCode(error), part }, 'Slack takes a part of a reply in no form');
        refused = error instanceof Error ? error : undefined;
        await placePart(place, threadState, { messageId, part }, [plainContent(REPLY_NOT_SHOWN)]);
      }
      isWaiting = false;
    }
  } catch (error) {
    if (isWaiting && refusalCause(error) !== undefined)
      await takeAway(place, { messageId, progress, unsure }, threadState);
    throw error;
  } finally {
    await place.record.written();
  }
  if (hasSession(progress)) await endSession(place);
  if (refused) throw refused;
}

/** Delivers one part, in the first form that Slack takes, in the end cut into short pieces. */
async function deliverPart(
  place: Place,
  threadState: ThreadState,
  ref: PostRef,
  { markdown, contents }: LaidOut,
  buttons: ReplyButtons | undefined,
): Promise<void> {
  const [posted] = threadState.known.posts.get(partKey(ref)) ?? [];
  // Parts after the first were complete when they were posted, but for the pieces of one that was cut.
  const isCut = (posted?.pieces ?? 1) > 1;
  if (ref.part > 0 && posted && !isCut) return;
  const pieces = plainPieces(markdown);
  if (!isCut) {
    try {
      await placePart(place, threadState, ref, withButtons(contents, buttons));
      return;
    } catch (error) {
      if (refusalCause(error) !== 'content' || pieces.length < 2) throw error;
    }
  }
  for (const [piece, content] of pieces.entries()) {
    const named: PostRef = { ...ref, piece, pieces: pieces.length };
    const isThere = threadState.known.posts.has(partKey(named));
    if (isThere && (piece > 0 || ref.part > 0)) continue;
    await placePart(place, threadState, named, [content] satisfies SlackContent[]);
  }
}

/** Takes away what shows that the agent is at work, unless the reply may stand in it by now. */
async function takeAway(
  place: Place,
  { messageId, progress, unsure }: { messageId: string; progress: SlackProgress | null; unsure: boolean },
  threadState: ThreadState,
): Promise<void> {
  if (!progress) return;
  await unlessRefused(async () => {
    if ((progress.kind === 'message' || progress.kind === 'stream') && unsure) {
      if (!(await isKnownToWait(place, { messageId, ts: progress.ts }, threadState))) return;
    }
    await takeAwayProgress(place, progress);
  });
}

async function unlessRefused(call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (refusalCause(error) === undefined) throw error;
  }
}

/** Whether a session is to be ended with what shows progress; a stream ends its own. */
export function hasSession(progress: SlackProgress | null): boolean {
  if (progress?.kind === 'session') return true;
  return (progress?.kind === 'message' || progress?.kind === 'status') && progress.session === true;
}

/** Takes away what shows that the agent is at work. Slack may refuse it; then it has to stay. */
export async function takeAwayProgress(place: Place, progress: SlackProgress): Promise<void> {
  await unlessRefused(async () => {
    switch (progress.kind) {
      case 'session':
        return endSession(place);
      case 'status':
        if (hasSession(progress)) await endSession(place);
        return showStatus(place.client, place.address, '');
      case 'stream':
        await stopStream(place, progress.ts);
        return deletePost(place, progress.ts);
      case 'message':
        if (hasSession(progress)) await endSession(place);
        return deletePost(place, progress.ts);
    }
  });
}

/**
 * Whether the reply, or the beginning of it, may have been read already: an attempt before this one has
 * written it, and may not have heard that Slack took it. Rejects while Slack must be asked and is silent.
 */
export async function replyStands(
  place: Place,
  { messageId, log }: { messageId: string; log: Logger },
): Promise<boolean> {
  const known = await knownPosts(place, messageId, log);
  const threadState: ThreadState = { known, placeholder: undefined, log };
  const ofFirst = () =>
    [...threadState.known.posts].flatMap(([key, posts]) => (Number.parseInt(key, 10) === 0 ? posts : []));
  // The record says where something stands, and not whether that is the reply.
  if (!known.fromSlack && ofFirst().length > 0) await look(place, threadState, { messageId });
  return ofFirst().some(({ waiting, isOurWord }) => waiting === false && !isOurWord);
}

async function isKnownToWait(
  place: Place,
  { messageId, ts }: { messageId: string; ts: string },
  threadState: ThreadState,
): Promise<boolean> {
  if (!threadState.known.fromSlack) await look(place, threadState, { messageId });
  return [...threadState.known.posts.values()].flat().some((post) => post.ts === ts && post.waiting === true);
}

function refusedCode(error: unknown): string | undefined {
  const trouble = slackTrouble(error);
  return trouble?.kind === 'refused' ? trouble.code : undefined;
}

/** False where the workspace or Slack's plan has no assistant: a message does it then. */
async function tryStatus(place: Place): Promise<boolean> {
  try {
    await showStatus(place.client, place.address);
    return true;
  } catch (error) {
    if (slackTrouble(error) === undefined) throw error;
    return false;
  }
}

/** The agent answers in this thread from now on. A convenience: the reply stands, whatever becomes of it. */
export async function engageThread(
  { redis, log }: { redis: RedisClient; log: Logger },
  turn: { tenantId: string; threadId: string; agentId: string },
  { surface }: SlackAddress,
): Promise<void> {
  if (surface !== 'channel') return;
  await markEngaged(redis, turn, turn.agentId).catch((error: unknown) => {
    log.warn({ err: error }, 'the thread is not remembered as engaged');
  });
}
