import type pg from 'pg';
import type { RedisClient } from '../../../redis/connection.ts';
import type { Logger } from 'pino';
import type { DeliveryTurn } from '../../../domain/delivery.ts';
import { within } from '../../../lib/within.ts';
import type { OpenOptions, OpenTurn, OutboundChannel } from '../../channel.ts';
import { slackAddressOf, slackProgress, type SlackProgress } from '../address.ts';
import { speaking } from '../errors.ts';
import { createPersonalLimit, type PersonalLimit } from '../personal-limit.ts';
import { personTakesOver } from './person-takes-over.ts';
import { isStopped } from '../threads.ts';
import {
  engageThread,
  hasSession,
  replaceProgress,
  replyStands,
  showAtWork,
  takeAwayProgress,
} from './reply-in-thread.ts';
import { layOut, layOutFirst } from './lay-out.ts';
import { createGrowing } from './growing.ts';
import { GROW_EVERY_MS } from './growing-text.ts';
import type { SlackContent } from './outbound-text.ts';
import { isOurWord } from '../../../domain/words.ts';
import { replyButtons, withButtons, type ReplyButtons } from './reply-buttons.ts';
import type { FindSpeaker } from './speakers.ts';
import { beginSession, endSession } from './session-status.ts';
import { openPostRecord, type PostRef } from './post-record.ts';
import { postOnce } from './post-once.ts';
import { postContent, updateContent, type Place } from './thread-posts.ts';

/** What laying out may take beside the one call that delivers. */
const LAID_OUT_WITHIN_MS = 1_000;
/** A look into Redis on a reply's way. */
const STOP_LOOK_WITHIN_MS = 250;

type Dependencies = { findSpeaker: FindSpeaker; pool: pg.Pool; redis: RedisClient; log: Logger };

/** Delivers replies to Slack's threads. */
export function createSlackOutbound(dependencies: Dependencies): OutboundChannel {
  const mayAsk = createPersonalLimit();
  return {
    name: 'slack',
    open: (turn, options) => openTurn({ ...dependencies, mayAsk, turn, options }),
  };
}

function openTurn(
  given: Dependencies & { mayAsk: PersonalLimit; turn: DeliveryTurn; options: OpenOptions },
): OpenTurn {
  const { findSpeaker, pool, redis, log, mayAsk, turn, options } = given;
  const { uncertain, grows, isOver } = options;
  const address = slackAddressOf(turn.channel);
  const record = openPostRecord({ pool, redis, log }, turn, address.channel);
  const findPlace = foundOnce(async () => ({ ...(await findSpeaker(turn, address)), address, record }));
  const ref = { messageId: turn.messageId, part: 0 };
  const grow = createGrowing(turn, ref);
  let progress: SlackProgress | null = slackProgress.nullable().parse(options.progress);
  let isStopOffered = false;
  const shownNow = (): SlackProgress | null =>
    isStopOffered && progress?.kind === 'message' ? { ...progress, session: true } : progress;
  /** An attempt before this one may have offered people to stop it, and nobody has heard. */
  const endUnheard = async (place: Place, shown: SlackProgress | null): Promise<void> => {
    if (uncertain && address.surface === 'channel' && !hasSession(shown)) await endSession(place);
  };
  const engage = () => engageThread({ redis, log }, turn, address);
  // Once: some apps may look once a minute. Before the first attempt nothing stands.
  const stands = foundOnce(
    async () => uncertain && replyStands(await findPlace(), { messageId: turn.messageId, log }),
  );

  return {
    progress: shownNow,
    // Without Redis nobody can stop it; the reply is due all the same.
    isStopped: () => within(STOP_LOOK_WITHIN_MS, isStopped(redis, turn, address.eventTs)).catch(() => false),
    ...personTakesOver({ pool, redis, log, mayAsk }, turn, findPlace),
    stands: () => speaking(stands),
    withdraw: () =>
      speaking(async () => {
        const shown = shownNow();
        if (!shown) return;
        const place = await findPlace();
        // What people have read is not taken away again.
        if (await stands()) await endSession(place);
        else {
          await takeAwayProgress(place, shown);
          await endUnheard(place, shown);
        }
        progress = null;
      }),
    showProgress: () =>
      speaking(async () => {
        const place = await findPlace();
        progress ??= await showAtWork({ place, ref, asMessage: grows, uncertain, log });
      }),
    offerStop: () =>
      speaking(async () => {
        // Conversations with the agent have their session from the beginning.
        if (address.surface !== 'channel' || !progress) return;
        isStopOffered = (await beginSession(await findPlace())) !== 'no';
      }),
    grow: {
      everyMs: GROW_EVERY_MS,
      show: (textSoFar) =>
        speaking(async () => {
          if (progress) progress = await grow(await findPlace(), progress, textSoFar);
        }),
    },
    deliverAtOnce: (text) =>
      speaking(async () => {
        const began = performance.now();
        // Whether there is a second one can be told without reading all of them.
        const { contents, hasMore } = await layOutFirst(turn, text);
        // Whoever asks counts on one call of Slack.
        if (performance.now() - began > LAID_OUT_WITHIN_MS) return false;
        // A stream takes two calls: it is ended, and its message updated.
        if (!progress || progress.kind === 'stream' || hasMore) return false;
        const place = await findPlace();
        const [content] = withButtons(contents, buttonsFor(turn, text, place));
        if (!content) return false;
        return deliverByOneCall(place, { ref, content, progress: shownNow() ?? progress, engage });
      }),
    deliver: (text) =>
      speaking(async () => {
        const place = await findPlace();
        const laidOut = await layOut(turn, text);
        const { messageId } = turn;
        const buttons = buttonsFor(turn, text, place);
        const shown = shownNow();
        const how = { progress: shown, text, laidOut, buttons, uncertain, isOver };
        await replaceProgress({ place, log, messageId, ...how });
        await endUnheard(place, shown);
        await engage();
      }),
  };
}

/** Writes the reply into the message that waits for it, or posts it where a status does. */
async function deliverByOneCall(
  place: Place,
  given: { ref: PostRef; content: SlackContent; progress: SlackProgress; engage: () => Promise<void> },
): Promise<boolean> {
  const { ref, content, progress, engage } = given;
  const { record } = place;
  const end = () => (hasSession(progress) ? endSession(place) : undefined);
  if (progress.kind === 'message') {
    const updating = updateContent(place, progress.ts, ref, content);
    await Promise.all([updating, record.written(), engage(), end()]);
    return true;
  }
  const posting = postOnce(place, ref, () => postContent(place, ref, content));
  const [ts] = await Promise.all([posting, engage()]);
  await Promise.all([record.written(), end()]);
  return ts !== undefined;
}

/** What `find` gives, once; a failure is not kept. */
function foundOnce<T>(find: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () =>
    (found ??= find().catch((error: unknown) => {
      found = undefined;
      throw error;
    }));
}

/** What we say in place of a reply is nobody's to judge. */
function buttonsFor(
  { messageId, threadId }: DeliveryTurn,
  text: string,
  { hasPeople }: Place,
): ReplyButtons | undefined {
  return isOurWord(text) ? undefined : replyButtons({ messageId, threadId, hasPeople });
}
