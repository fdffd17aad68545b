import type pg from 'pg';
import type { RedisClient } from '../../../redis/connection.ts';
import type { Logger } from 'pino';
import type { DeliveryTurn } from '../../../domain/delivery.ts';
import { within } from '../../../lib/within.ts';
import type { OpenOptions, OpenTurn, OutboundChannel } from '../../channel.ts';
import { slackAddressOf, slackProgress, type SlackProgress } from '../address.ts';
import { toChannelError } from '../errors.ts';
import { personTakesOver } from './person-takes-over.ts';
import { isStopped } from '../threads.ts';
import { engageThread, replaceProgress, showAtWork, takeAwayProgress } from './reply-in-thread.ts';
import { splitReply } from './reply-parts.ts';
import { createGrowing } from './growing.ts';
import { GROW_EVERY_MS } from './growing-text.ts';
import { contentsOf } from './outbound-text.ts';
import { isOurWord } from '../../../domain/words.ts';
import { replyButtons, withButtons, type ReplyButtons } from './reply-buttons.ts';
import type { FindSpeaker } from './speakers.ts';
import { endSession } from './session-status.ts';
import { openPostRecord } from './post-record.ts';
import { postOnce } from './post-once.ts';
import { postContent, updateContent, type Place } from './thread-posts.ts';

/** A look into Redis on a reply's way. */
const STOP_LOOK_WITHIN_MS = 250;

/** Delivers replies to Slack's threads. */
export function createSlackOutbound(dependencies: {
  findSpeaker: FindSpeaker;
  pool: pg.Pool;
  redis: RedisClient;
  log: Logger;
}): OutboundChannel {
  return {
    name: 'slack',
    open: (turn, options) => openTurn({ ...dependencies, turn, options }),
  };
}

function openTurn(given: {
  findSpeaker: FindSpeaker;
  pool: pg.Pool;
  redis: RedisClient;
  log: Logger;
  turn: DeliveryTurn;
  options: OpenOptions;
}): OpenTurn {
  const { findSpeaker, pool, redis, log, turn, options } = given;
  const { uncertain, grows } = options;
  const address = slackAddressOf(turn.channel);
  const record = openPostRecord({ pool, redis, log }, turn, address.channel);
  let found: Promise<Place> | undefined;
  const findPlace = (): Promise<Place> =>
    (found ??= findSpeaker(turn, address).then(
      (speaker) => ({ ...speaker, address, record }),
      (error: unknown) => {
        found = undefined;
        throw error;
      },
    ));
  const ref = { messageId: turn.messageId, part: 0 };
  const grow = createGrowing(ref);
  let progress: SlackProgress | null = slackProgress.nullable().parse(options.progress);
  /** What we say in place of a reply is nobody's to judge. */
  const buttonsFor = (text: string, { hasPeople }: Place): ReplyButtons | undefined =>
    isOurWord(text) ? undefined : replyButtons({ messageId: turn.messageId, hasPeople });
  const { isSilent, askForPerson } = personTakesOver({ pool, redis, log }, turn, findPlace);
  const engage = () => engageThread({ redis, log }, turn, address);

  return {
    progress: () => progress,
    // Without Redis nobody can stop it; the reply is due all the same.
    isStopped: () => within(STOP_LOOK_WITHIN_MS, isStopped(redis, turn, address.eventTs)).catch(() => false),
    isSilent,
    withdraw: () =>
      speaking(async () => {
        if (!progress) return;
        await takeAwayProgress(await findPlace(), progress);
        progress = null;
      }),
    askForPerson: (agent) => speaking(() => askForPerson(agent)),
    showProgress: () =>
      speaking(async () => {
        const place = await findPlace();
        progress ??= await showAtWork({ place, ref, asMessage: grows, uncertain, log });
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
        const [markdown = '', ...more] = splitReply(text);
        // A stream takes two calls: it is ended, and its message updated.
        if (!progress || progress.kind === 'stream' || more.length > 0) return false;
        const place = await findPlace();
        const [content] = withButtons(contentsOf(markdown), buttonsFor(text, place));
        if (!content) return false;
        if (progress.kind === 'message') {
          await Promise.all([updateContent(place, progress.ts, ref, content), record.written(), engage()]);
          return true;
        }
        const posting = postOnce(place, ref, () => postContent(place, ref, content));
        const [ts] = await Promise.all([posting, engage()]);
        await Promise.all([record.written(), progress.kind === 'session' ? endSession(place) : undefined]);
        return ts !== undefined;
      }),
    deliver: (text) =>
      speaking(async () => {
        const place = await findPlace();
        const parts = splitReply(text);
        const { messageId } = turn;
        const buttons = buttonsFor(text, place);
        await replaceProgress({ place, log, messageId, progress, parts, buttons, uncertain });
        await engage();
      }),
  };
}

async function speaking<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toChannelError(error);
  }
}
