/** Slack as a channel. */
import { defineChannel } from '../channel.ts';
import { createSlackClient } from './client.ts';
import {
  createFindAgent,
  findAmong,
  findOwnAmong,
  singleWorkspace,
  storedInstallations,
} from './inbound/installations.ts';
import { createNameLookup } from './inbound/names.ts';
import { createSlackInbound } from './inbound/receive.ts';
import { encryptAgain } from './installations/installation-store.ts';
import { createInstalling } from './installations/oauth.ts';
import { createTokenVault } from './installations/token-vault.ts';
import { createSlackOutbound } from './outbound/open-turn.ts';
import { createFindSpeaker } from './outbound/speakers.ts';
import { slackInbound, slackWeb } from './settings.ts';

export const slack = defineChannel({
  name: 'slack',
  subjects: { inbound: slackInbound, outbound: slackWeb },

  /** Events are verified also while no workspace is bound; they are ignored then. */
  inbound(settings, context) {
    if (!settings) return undefined;
    const { pool, keys, log } = context;
    const { apiUrl, signingSecret, appToken, allowedBots, workspace, oauth } = settings;
    const vault = createTokenVault(keys);
    if (oauth && vault.currentKey === undefined) {
      throw new Error('SLACK_CLIENT_ID needs a key as the first entry of KONSTRUCT_ENCRYPTION_KEYS');
    }
    const single = workspace && singleWorkspace({ ...workspace, client: createSlackClient(workspace), log });
    // Only what was installed is looked up: without OAuth an event takes no query.
    const stored = oauth && storedInstallations({ pool, vault, apiUrl });
    if (oauth) {
      encryptAgain({ pool, vault }).then(
        (count) => count > 0 && log.info({ count }, 'tokens of Slack are encrypted with the first key now'),
        (error: unknown) => log.warn({ err: error }, 'tokens of Slack stay encrypted as they were'),
      );
    }
    const findInstallation = findAmong(stored?.find, single?.find);
    const findOrganisation = stored?.findOrganisation ?? (() => Promise.resolve(undefined));
    return {
      ...createSlackInbound({
        signingSecret,
        socket: appToken === undefined ? undefined : { appToken, apiUrl },
        findInstallation,
        findOwn: findOwnAmong(findInstallation, findOrganisation),
        findAgentOf: createFindAgent(pool),
        lookUpNames: createNameLookup(),
        allowedBots: new Set(allowedBots),
        context,
      }),
      ...(oauth &&
        createInstalling({
          settings: { ...oauth, apiUrl },
          pool,
          vault,
          holderByToken: single?.holderOf,
          log,
        })),
    };
  },

  outbound({ apiUrl, token }, { pool, redis, keys, log }) {
    const single = token === undefined ? undefined : createSlackClient({ apiUrl, token });
    const vault = createTokenVault(keys);
    const findSpeaker = createFindSpeaker({ pool, vault, apiUrl, single, log });
    return createSlackOutbound({ findSpeaker, pool, redis, log });
  },
});
