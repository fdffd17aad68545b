import { ApplicationFailure } from '@temporalio/activity';
import { ChannelError, type OutboundChannel } from '../channels/channel.ts';
import type { DeliveryTurn } from '../domain/delivery.ts';
import { FAILURE } from '../domain/failures.ts';

/** The channel of a turn. Throws `ChannelError` for one that this worker doesn't have. */
export function channelOf({
  channels,
  turn,
}: {
  channels: ReadonlyMap<string, OutboundChannel>;
  turn: DeliveryTurn;
}): OutboundChannel {
  const { name } = turn.channel;
  const channel = channels.get(name);
  if (!channel)
    throw new ChannelError('unavailable', `this worker has no channel ${name}: is it configured?`);
  return channel;
}

/**
 * A failed call of a channel as the workflow sees it: waited out, retried, or non-retryable. Others pass as
 * they are.
 */
export function toDeliveryFailure(error: unknown): unknown {
  if (!(error instanceof ChannelError)) return error;
  const { kind, message, retryAfterMs } = error;
  switch (kind) {
    case 'rate-limited':
      return ApplicationFailure.create({
        type: FAILURE.deliveryRateLimited,
        message,
        ...(retryAfterMs !== undefined && { nextRetryDelay: retryAfterMs }),
      });
    case 'refused':
      return ApplicationFailure.create({ type: FAILURE.deliveryRefused, message, nonRetryable: true });
    case 'unavailable':
      return ApplicationFailure.create({ type: FAILURE.deliveryUnavailable, message });
  }
}
