import { described, json, keysFor, path, PROBLEMS } from './openapi-parts.ts';
import { escalationBody } from './schemas.ts';

/** How a person takes over a thread. */
export function threadPaths() {
  return {
    '/v1/threads/{threadId}/escalation': {
      parameters: [path('threadId')],
      get: {
        summary: 'Whether a person has taken over a thread (slack:{team}:{channel}:{ts})',
        security: keysFor('escalation.read'),
        responses: { ...PROBLEMS, 200: described('Since when, and who has asked for it') },
      },
      post: {
        summary: 'Let a person take over: the agent is silent in the thread, and people are told',
        security: keysFor('escalation.open'),
        requestBody: { required: false, ...json(escalationBody) },
        responses: { ...PROBLEMS, 200: described('The same when it was asked for before') },
      },
      delete: {
        summary: 'Hand the thread back to the agent',
        security: keysFor('escalation.end'),
        responses: { ...PROBLEMS, 200: described('The agent speaks again') },
      },
    },
  };
}
