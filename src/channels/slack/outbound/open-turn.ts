import type { WebClient } from '@slack/web-api';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { DeliveryTurn } from '../../../domain/delivery.ts';
import type { OpenOptions, OpenTurn, OutboundChannel } from '../../channel.ts';
import { slackAddressOf, slackProgress, type SlackProgress } from '../address.ts';
import { toChannelError } from '../errors.ts';
import { engageThread, replaceProgress, showAtWork } from './reply-in-thread.ts';
import { splitReply } from './reply-parts.ts';
import { growingText, GROW_EVERY_MS } from './growing-text.ts';
import { postPart, updatePart } from './thread-posts.ts';

/** Delivers replies to Slack's threads. */
export function createSlackOutbound(dependencies: {
  client: WebClient;
  redis: Redis;
  log: Logger;
}): OutboundChannel {
  return {
    name: 'slack',
    open: (turn, options) => openTurn({ ...dependencies, turn, options }),
  };
}

function openTurn(given: {
  client: WebClient;
  redis: Redis;
  log: Logger;
  turn: DeliveryTurn;
  options: OpenOptions;
}): OpenTurn {
  const { client, redis, log, turn, options } = given;
  const { uncertain, grows } = options;
  const address = slackAddressOf(turn.channel);
  const ref = { messageId: turn.messageId, part: 0 };
  let progress: SlackProgress | null = slackProgress.nullable().parse(options.progress);
  const engage = () => engageThread({ redis, log }, turn, address);

  return {
    progress: () => progress,
    showProgress: () =>
      speaking(async () => {
        progress ??= await showAtWork({ client, address, ref, asMessage: grows, uncertain });
      }),
    grow: {
      everyMs: GROW_EVERY_MS,
      show: (textSoFar) =>
        speaking(async () => {
          if (progress?.kind !== 'message') return;
          await updatePart(client, address, progress.ts, ref, growingText(textSoFar));
        }),
    },
    deliverAtOnce: (text) =>
      speaking(async () => {
        const [markdown = '', ...more] = splitReply(text);
        if (!progress || more.length > 0) return false;
        const call =
          progress.kind === 'message'
            ? updatePart(client, address, progress.ts, ref, markdown)
            : postPart(client, address, ref, markdown);
        await Promise.all([call, engage()]);
        return true;
      }),
    deliver: (text) =>
      speaking(async () => {
        const parts = splitReply(text);
        const { messageId } = turn;
        await replaceProgress({ client, log, address, messageId, progress, parts, uncertain });
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
