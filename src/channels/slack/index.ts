/** Slack as a channel. */
import { createSlackClient } from './client.ts';
import type { ChannelDefinition } from '../channel.ts';
import { singleWorkspace } from './inbound/installations.ts';
import { createNameLookup } from './inbound/names.ts';
import { createSlackInbound } from './inbound/receive.ts';
import { createSlackOutbound } from './outbound/open-turn.ts';

export const slack: ChannelDefinition = {
  name: 'slack',

  /** Events are verified also while no workspace is bound; they are ignored then. */
  inbound({ config, redis, log }) {
    if (!config.slack) return undefined;
    const { signingSecret, allowedBots, workspace } = config.slack;
    return createSlackInbound({
      signingSecret,
      findInstallation: workspace
        ? singleWorkspace({ ...workspace, client: createSlackClient(workspace), log })
        : () => Promise.resolve(undefined),
      lookUpNames: createNameLookup(),
      allowedBots: new Set(allowedBots),
      redis,
      log,
    });
  },

  outbound({ config, redis, log }) {
    if (!config.slack) return undefined;
    const client = createSlackClient(config.slack);
    return createSlackOutbound({ clientOf: () => client, redis, log });
  },
};
