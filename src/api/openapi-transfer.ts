import { described, keysFor, path, PROBLEMS, query } from './openapi-parts.ts';

/** How a memory is taken along. */
export function transferPaths() {
  const scope = [path('agentId'), path('userId')];
  return {
    '/v1/agents/{agentId}/users/{userId}/memory/export': {
      get: {
        summary: 'Take a user’s memory along, as lines of JSON (application/x-ndjson)',
        security: keysFor('memory.export'),
        parameters: [
          ...scope,
          query('embeddings', 'false leaves them out; an import then makes them anew'),
          query('cursor', 'The nextCursor of the last line: the part after that one'),
        ],
        responses: { ...PROBLEMS, 200: described('The lines; the last has the type `end`, with counts') },
      },
    },
    '/v1/agents/{agentId}/users/{userId}/memory/import': {
      post: {
        summary: 'Add an exported memory to a user’s',
        security: keysFor('memory.import'),
        parameters: scope,
        requestBody: { required: true, content: { 'application/x-ndjson': { schema: { type: 'string' } } } },
        responses: {
          ...PROBLEMS,
          202: described('Every line is right; look the import up at Location'),
          409: described(
            'As many imports of the tenant as may be are under way, or the memory is being forgotten',
          ),
          413: described('The file or a line is too long'),
          415: described('Not application/x-ndjson'),
        },
      },
    },
    '/v1/imports/{importId}': {
      get: {
        summary: 'How far an import has come',
        security: keysFor('import.read'),
        parameters: [path('importId')],
        responses: {
          ...PROBLEMS,
          200: described('`running`, `done` or `failed`, and how many exchanges were stored'),
        },
      },
    },
  };
}
