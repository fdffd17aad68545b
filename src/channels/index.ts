import type {
  ChannelDefinition,
  InboundContext,
  OutboundChannel,
  OutboundContext,
  WebhookChannel,
} from './channel.ts';
import { slack } from './slack/index.ts';

/**
 * The channels that call us and get replies pushed. HTTP is no line here: its senders fetch their replies.
 */
export const CHANNELS: readonly ChannelDefinition[] = [slack];

/** The channels whose webhooks the API serves. */
export function inboundChannels(
  context: InboundContext,
  definitions: readonly ChannelDefinition[] = CHANNELS,
): WebhookChannel[] {
  return definitions.flatMap((definition) => definition.inbound(context) ?? []);
}

/** The channels that a worker can deliver to, by name. */
export function outboundChannels(
  context: OutboundContext,
  definitions: readonly ChannelDefinition[] = CHANNELS,
): ReadonlyMap<string, OutboundChannel> {
  const channels = definitions.flatMap((definition) => definition.outbound(context) ?? []);
  return new Map(channels.map((channel) => [channel.name, channel]));
}
