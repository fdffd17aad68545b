/** Slack as a channel. */
import { defineChannel } from '../channel.ts';
import { createSlackClient } from './client.ts';
import { singleWorkspace } from './inbound/installations.ts';
import { createNameLookup } from './inbound/names.ts';
import { createSlackInbound } from './inbound/receive.ts';
import { createSlackOutbound } from './outbound/open-turn.ts';
import { slackInbound, slackWeb } from './settings.ts';

export const slack = defineChannel({
  name: 'slack',
  subjects: { inbound: slackInbound, outbound: slackWeb },

  /** Events are verified also while no workspace is bound; they are ignored then. */
  inbound(settings, { redis, log }) {
    if (!settings) return undefined;
    const { signingSecret, allowedBots, workspace } = settings;
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

  outbound(settings, context) {
    if (!settings) return undefined;
    return createSlackOutbound({ client: createSlackClient(settings), ...context });
  },
});
