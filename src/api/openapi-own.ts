/** What the API says of itself, and what its channels call. */
import type { WebhookChannel } from '../channels/channel.ts';
import { NOT_READY } from './answer-examples.ts';
import { HEALTH, READINESS } from './answers.ts';
import { described, responds } from './openapi-parts.ts';

/** What anybody may ask. */
export const ownPaths = () => ({
  '/healthz': { get: { summary: 'This process answers', responses: { 200: responds('Yes', HEALTH) } } },
  '/readyz': {
    get: {
      summary: 'Which services are there',
      responses: {
        200: responds('All', READINESS),
        503: responds('`missing` names those that are not', { ...READINESS, example: NOT_READY }),
      },
    },
  },
  '/metrics': {
    get: {
      summary: 'Counts and times, for Prometheus',
      responses: {
        200: {
          ...described('The metrics'),
          content: { 'text/plain': { schema: { type: 'string' }, example: 'process_open_fds 41\n' } },
        },
      },
    },
  },
  '/openapi.json': {
    get: {
      summary: 'This description',
      responses: {
        200: {
          ...described('The description'),
          content: {
            'application/json': {
              schema: { type: 'object', required: ['openapi', 'info', 'paths'] },
              example: { openapi: '3.1.0', info: { title: 'Konstruct', version: '0.1.0' }, paths: {} },
            },
          },
        },
      },
    },
  },
});

/** The webhooks of these channels. What they send is their own matter. */
export function webhookPaths(channels: ReadonlyArray<Pick<WebhookChannel, 'name' | 'paths'>>) {
  const problem = (name: string) => ({ $ref: `#/components/responses/${name}` });
  const entries = channels.flatMap(({ name, paths }) =>
    paths.map((path): [string, object] => [
      `/${name}/${path}`,
      {
        post: {
          summary: `What ${name} calls`,
          requestBody: { required: true, content: { '*/*': {} } },
          responses: {
            200: {
              ...described('Taken, or nothing to take; an answer where the channel’s protocol has one'),
              content: { 'application/json': { schema: { type: 'object' }, example: {} } },
            },
            400: problem('Invalid'),
            401: problem('Unproven'),
            413: problem('TooLarge'),
            429: problem('TooMany'),
            503: problem('Unavailable'),
          },
        },
      },
    ]),
  );
  return Object.fromEntries(entries);
}
