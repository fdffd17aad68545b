import { INSTALL_LINK, SLACK_CHANNEL, SLACK_CHANNELS, SLACK_INSTALLATIONS } from './answers-slack.ts';
import { described, jsonSchema, keyProblems, keysFor, pageOf, path, responds } from './openapi-parts.ts';
import { threadPaths } from './openapi-threads.ts';
import { conflict } from './problem-answers.ts';
import { slackChannelParam } from './schemas.ts';

/** How an agent comes to Slack, and how a person takes over from it. */
export function slackPaths() {
  const channel = [path('agentId'), path('channelId', jsonSchema(slackChannelParam))];
  return {
    '/v1/agents/{agentId}/slack/install-link': {
      post: {
        summary: 'A link by which a company installs the agent in its Slack, once, within 30 minutes',
        security: keysFor('slack.install-link'),
        parameters: [path('agentId')],
        responses: {
          ...keyProblems('body', 'named'),
          201: responds('Where the link leads, and until when it may be opened', INSTALL_LINK),
          409: conflict(
            'The operator has not set up the app’s client id and secrets',
            'Not set up',
            'Companies can’t install the app here.',
          ),
        },
      },
    },
    '/v1/agents/{agentId}/slack/channels/{channelId}': {
      put: {
        summary: 'Let this agent speak in a channel, under its own name',
        security: keysFor('slack-channel.give'),
        parameters: channel,
        responses: {
          ...keyProblems('body', 'named'),
          200: responds('From the next message on, within seconds', SLACK_CHANNEL),
        },
      },
      delete: {
        summary: 'Let the workspace’s own agent speak in a channel again',
        security: keysFor('slack-channel.take'),
        parameters: channel,
        responses: { ...keyProblems('input', 'named'), 204: described('Done') },
      },
    },
    '/v1/slack/installations': {
      get: {
        summary: 'Where the app is installed, and where it was, the last one first',
        security: keysFor('slack.list-installations'),
        parameters: pageOf('Installations'),
        responses: {
          ...keyProblems('input'),
          200: responds('A page of installations; `nextCursor` is null on the last', SLACK_INSTALLATIONS),
        },
      },
    },
    '/v1/slack/channels': {
      get: {
        summary: 'Channels in which another agent speaks than the workspace’s own, the last one first',
        security: keysFor('slack.list-channels'),
        parameters: pageOf('Channels'),
        responses: {
          ...keyProblems('input'),
          200: responds('A page of channels; `nextCursor` is null on the last', SLACK_CHANNELS),
        },
      },
    },
    ...threadPaths(),
  };
}
