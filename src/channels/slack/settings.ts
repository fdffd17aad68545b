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

const webOf = (read: z.output<typeof webVariables>) =>
  read.SLACK_BOT_TOKEN === undefined
    ? undefined
    : { apiUrl: read.SLACK_API_URL, token: read.SLACK_BOT_TOKEN };

/** Where the Web API is and the token for it. Undefined without a token. */
export const slackWeb = webVariables.meta({ title: TITLE }).transform(webOf);

/** Events from Slack, and the one workspace that they may come from. Undefined without a signing secret. */
export const slackInbound = z
  .object({
    ...webVariables.shape,
    SLACK_SIGNING_SECRET: text.optional().meta({
      description: 'Verifies that requests are Slack’s',
      cure: 'the signing secret of your Slack app',
      unset: 'there is no `/slack`',
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
    if (read.SLACK_SIGNING_SECRET === undefined) return undefined;
    const web = webOf(read);
    const { KONSTRUCT_SLACK_TENANT_ID: tenantId, KONSTRUCT_SLACK_AGENT_ID: agentId } = read;
    if (web && !(tenantId && agentId)) {
      issues.push({
        code: 'custom',
        input: undefined,
        path: [tenantId ? 'KONSTRUCT_SLACK_AGENT_ID' : 'KONSTRUCT_SLACK_TENANT_ID'],
        message:
          'is not set: with SLACK_BOT_TOKEN it says whose the workspace is ' +
          '(npm start sets it to the demo tenant)',
      });
      return z.NEVER;
    }
    return {
      signingSecret: read.SLACK_SIGNING_SECRET,
      /** Bot or user ids of other bots that may speak to the agent. */
      allowedBots: read.SLACK_ALLOWED_BOTS.split(/[\s,]+/).filter(Boolean),
      /** The workspace of SLACK_BOT_TOKEN, and whose it is. Undefined: events are verified and ignored. */
      workspace: web && tenantId && agentId ? { ...web, tenantId, agentId } : undefined,
    };
  });
