import { ESCALATION, ESCALATIONS, FEEDBACK } from './answers-slack.ts';
import { json, jsonSchema, keyProblems, keysFor, pageOf, path, responds } from './openapi-parts.ts';
import { escalationBody, userIdParam } from './schemas.ts';

/** How a person takes over a thread. */
export function threadPaths() {
  const parameters = [path('threadId', jsonSchema(userIdParam))];
  return {
    '/v1/feedback': {
      get: {
        summary: 'What people think of replies, newest first: each has one word on a reply, the last one',
        security: keysFor('feedback.read'),
        parameters: pageOf('Entries'),
        responses: {
          ...keyProblems('input'),
          200: responds('A page of entries; `nextCursor` is null on the last', FEEDBACK),
        },
      },
    },
    '/v1/escalations': {
      get: {
        summary: 'Threads that a person has taken over, the last one first',
        security: keysFor('escalation.list'),
        parameters: pageOf('Threads'),
        responses: {
          ...keyProblems('input'),
          200: responds('A page of threads; `nextCursor` is null on the last', ESCALATIONS),
        },
      },
    },
    '/v1/threads/{threadId}/escalation': {
      get: {
        summary: 'Whether a person has taken over a thread (slack:{team}:{channel}:{ts})',
        security: keysFor('escalation.read'),
        parameters,
        responses: {
          ...keyProblems('input', 'named'),
          200: responds('Since when, and who has asked for it', ESCALATION),
        },
      },
      post: {
        summary: 'Let a person take over: the agent is silent in the thread, and people are told',
        security: keysFor('escalation.open'),
        parameters,
        requestBody: { required: false, ...json(escalationBody, {}) },
        responses: {
          ...keyProblems('body', 'named'),
          200: responds('The same when it was asked for before', ESCALATION),
        },
      },
      delete: {
        summary: 'Hand the thread back to the agent',
        security: keysFor('escalation.end'),
        parameters,
        responses: {
          ...keyProblems('input', 'named'),
          200: responds('The agent speaks again', {
            ...ESCALATION,
            example: { ...ESCALATION.example, state: 'handed-back' },
          }),
        },
      },
    },
  };
}
