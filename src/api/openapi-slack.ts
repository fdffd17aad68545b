import { described, keysFor, path, PROBLEMS } from './openapi-parts.ts';

/** How an agent comes to Slack. */
export function slackPaths() {
  const channel = [path('agentId'), path('channelId')];
  return {
    '/v1/agents/{agentId}/slack/install-link': {
      post: {
        summary: 'A link by which a company installs the agent in its Slack, once, within 30 minutes',
        security: keysFor('slack.install-link'),
        parameters: [path('agentId')],
        responses: {
          ...PROBLEMS,
          201: described('`url`, and until when it may be opened (`expiresAt`)'),
          409: described('The operator has not set up the app’s client id and secrets'),
        },
      },
    },
    '/v1/agents/{agentId}/slack/channels/{channelId}': {
      put: {
        summary: 'Let this agent speak in a channel, under its own name',
        security: keysFor('slack-channel.give'),
        parameters: channel,
        responses: { ...PROBLEMS, 200: described('From the next message on, within seconds') },
      },
      delete: {
        summary: 'Let the workspace’s own agent speak in a channel again',
        security: keysFor('slack-channel.take'),
        parameters: channel,
        responses: { ...PROBLEMS, 204: described('Done') },
      },
    },
  };
}
