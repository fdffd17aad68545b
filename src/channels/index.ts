import type { ChannelSubjects } from '../config/index.ts';
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

/** What the channels read from the environment, in the API or in the worker. */
export function channelSubjects(
  half: 'inbound' | 'outbound',
  definitions: readonly ChannelDefinition[] = CHANNELS,
): ChannelSubjects {
  return Object.fromEntries(definitions.map(({ name, subjects }) => [name, subjects[half]]));
}

/** Settings by channel, as the configuration has read them. */
type Settings = Readonly<Record<string, unknown>>;

/** The channels whose webhooks the API serves. */
export function inboundChannels(
  settings: Settings,
  context: InboundContext,
  definitions: readonly ChannelDefinition[] = CHANNELS,
): WebhookChannel[] {
  return definitions.flatMap((definition) => definition.inbound(settings[definition.name], context) ?? []);
}

/** The channels that a worker can deliver to, by name. */
export function outboundChannels(
  settings: Settings,
  context: OutboundContext,
  definitions: readonly ChannelDefinition[] = CHANNELS,
): ReadonlyMap<string, OutboundChannel> {
  const channels = definitions.flatMap(
    (definition) => definition.outbound(settings[definition.name], context) ?? [],
  );
  return new Map(channels.map((channel) => [channel.name, channel]));
}
