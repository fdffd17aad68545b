import { EXPORT } from './answer-examples.ts';
import { IMPORT, IMPORT_ACCEPTED } from './answers.ts';
import {
  described,
  jsonSchema,
  keyProblems,
  keysFor,
  LOCATION,
  path,
  query,
  responds,
} from './openapi-parts.ts';
import { conflict } from './problem-answers.ts';
import { exportQuery, userIdParam } from './schemas.ts';

const NDJSON = 'application/x-ndjson';
const LINES = {
  content: { [NDJSON]: { schema: { type: 'string', contentMediaType: NDJSON }, example: EXPORT } },
};

/** How a memory is taken along. */
export function transferPaths() {
  const scope = [path('agentId'), path('userId', jsonSchema(userIdParam))];
  return {
    '/v1/agents/{agentId}/users/{userId}/memory/export': {
      get: {
        summary: 'Take a user’s memory along, as lines of JSON (application/x-ndjson)',
        security: keysFor('memory.export'),
        parameters: [
          ...scope,
          query(
            'embeddings',
            'false leaves them out; an import then makes them anew',
            jsonSchema(exportQuery.shape.embeddings),
          ),
          query(
            'cursor',
            'The nextCursor of the last line: the part after that one',
            jsonSchema(exportQuery.shape.cursor),
          ),
        ],
        responses: {
          ...keyProblems('input', 'named'),
          200: { ...described('The lines; the last has the type `end`, with counts'), ...LINES },
        },
      },
    },
    '/v1/agents/{agentId}/users/{userId}/memory/import': {
      post: {
        summary: 'Add an exported memory to a user’s',
        security: keysFor('memory.import'),
        parameters: scope,
        requestBody: { required: true, ...LINES },
        responses: {
          ...keyProblems('body', 'named'),
          202: responds('Every line is right; look the import up at Location', IMPORT_ACCEPTED, LOCATION),
          409: conflict(
            'As many imports of the tenant as may be are under way, or the memory is being forgotten',
            'Imports under way',
            'Wait until one of the tenant’s imports has finished.',
          ),
        },
      },
    },
    '/v1/imports/{importId}': {
      get: {
        summary: 'How far an import has come',
        security: keysFor('import.read'),
        parameters: [path('importId')],
        responses: {
          ...keyProblems('named'),
          200: responds('`running`, `done` or `failed`, and how many exchanges were stored', IMPORT),
        },
      },
    },
  };
}
