import { z } from 'zod';
import { text } from '../../config/variables.ts';

const TITLE = 'Slack';

const webVariables = z.object({
  SLACK_API_URL: z
    .url({ protocol: /^https?$/ })
    .default('https://slack.com/api/')
    .meta({
      description: 'The Web API; another one is for tests',
      cure: 'a URL, with or without /api and a last slash',
    }),
  SLACK_BOT_TOKEN: text.optional().meta({
    description: 'The workspace, and the right to speak in it',
    cure: 'the bot token (xoxb-…) of your Slack app',
    unset: 'replies to Slack wait until a worker has the token',
  }),
});

/** Where the Web API is, and the token of the one workspace that has not been installed by OAuth. */
export const slackWeb = webVariables
  .meta({ title: TITLE })
  .transform((read) => ({ apiUrl: read.SLACK_API_URL, token: read.SLACK_BOT_TOKEN }));

/** What it takes that companies install the app themselves: all of it, or nothing. */
const OAUTH = ['SLACK_CLIENT_ID', 'SLACK_CLIENT_SECRET', 'SLACK_STATE_SECRET'] as const;

const oauthVariables = z.object({
  SLACK_CLIENT_ID: text.optional().meta({
    description: 'Lets companies install the app by links',
    cure: 'the client id of your Slack app',
    unset: 'only the workspace of `SLACK_BOT_TOKEN` is served',
  }),
  SLACK_CLIENT_SECRET: text.optional().meta({
    description: 'Goes with `SLACK_CLIENT_ID`',
    cure: 'the client secret of your Slack app',
  }),
  SLACK_STATE_SECRET: text.optional().meta({
    description: 'Signs the links, and what goes through Slack and back',
    cure: 'a random text (openssl rand -base64 32)',
  }),
  KONSTRUCT_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description: 'Where people and Slack reach the API: links lead there',
      cure: 'the address of the API, such as https://konstruct.example.com',
      unset: 'links lead to where they were asked for, and Slack leads back to the app’s first redirect URL',
    }),
});

function oauthOf(read: z.output<typeof oauthVariables>) {
  const {
    SLACK_CLIENT_ID: clientId,
    SLACK_CLIENT_SECRET: clientSecret,
    SLACK_STATE_SECRET: stateSecret,
  } = read;
  return clientId !== undefined && clientSecret !== undefined && stateSecret !== undefined
    ? { clientId, clientSecret, stateSecret, publicUrl: read.KONSTRUCT_PUBLIC_URL }
    : undefined;
}

/** Events from Slack, and where they may come from. Undefined when none can come. */
export const slackInbound = z
  .object({
    ...webVariables.shape,
    ...oauthVariables.shape,
    SLACK_SIGNING_SECRET: text.optional().meta({
      description: 'Verifies that requests are Slack’s',
      cure: 'the signing secret of your Slack app',
      unset: 'there is no `/slack`',
    }),
    SLACK_APP_TOKEN: text.optional().meta({
      description: 'Socket Mode: the API opens the connection, and needs no public address',
      cure: 'an app-level token (xapp-…) with the scope connections:write',
      unset: 'events come over HTTP alone',
    }),
    SLACK_ALLOWED_BOTS: z.string().default('').meta({
      description: 'Bot or user ids of other bots that an agent answers, separated by commas',
    }),
    KONSTRUCT_SLACK_TENANT_ID: z.uuid().toLowerCase().optional().meta({
      description: 'Whose the workspace of `SLACK_BOT_TOKEN` is; needed with it',
      cure: 'the id of a tenant; npm start sets it to the demo tenant',
    }),
    KONSTRUCT_SLACK_AGENT_ID: z.uuid().toLowerCase().optional().meta({
      description: 'The agent that speaks there; needed with `SLACK_BOT_TOKEN`',
      cure: 'the id of an agent of that tenant; npm start sets it to the demo agent',
    }),
  })
  .meta({ title: TITLE })
  .transform((read, { issues }) => {
    if (read.SLACK_SIGNING_SECRET === undefined && read.SLACK_APP_TOKEN === undefined) return undefined;
    const complain = (name: string, message: string) => {
      issues.push({ code: 'custom', input: undefined, path: [name], message });
      return z.NEVER;
    };
    const { SLACK_API_URL: apiUrl, SLACK_BOT_TOKEN: token } = read;
    const { KONSTRUCT_SLACK_TENANT_ID: tenantId, KONSTRUCT_SLACK_AGENT_ID: agentId } = read;
    if (token !== undefined && !(tenantId && agentId)) {
      return complain(
        tenantId ? 'KONSTRUCT_SLACK_AGENT_ID' : 'KONSTRUCT_SLACK_TENANT_ID',
        'is not set: with SLACK_BOT_TOKEN it says whose the workspace is ' +
          '(npm start sets it to the demo tenant)',
      );
    }
    const unset = OAUTH.find((name) => read[name] === undefined);
    if (unset !== undefined && OAUTH.some((name) => read[name] !== undefined)) {
      return complain(unset, `is not set: ${OAUTH.join(', ')} belong together`);
    }
    return {
      apiUrl,
      signingSecret: read.SLACK_SIGNING_SECRET,
      appToken: read.SLACK_APP_TOKEN,
      /** Bot or user ids of other bots that may speak to the agent. */
      allowedBots: read.SLACK_ALLOWED_BOTS.split(/[\s,]+/).filter(Boolean),
      /** The workspace of SLACK_BOT_TOKEN, and whose it is. Undefined: events are verified and ignored. */
      workspace:
        token !== undefined && tenantId && agentId ? { apiUrl, token, tenantId, agentId } : undefined,
      /** How companies install the app; undefined when they can't. */
      oauth: oauthOf(read),
    };
  });
