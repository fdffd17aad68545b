import { FOUND_MEMORIES, OVERVIEW, PREVIEW, SESSION, STORY, TURNS, USERS } from './answers-console.ts';
import {
  described,
  json,
  jsonSchema,
  keyProblems,
  keysFor,
  pageOf,
  path,
  PROBLEMS,
  query,
  responds,
} from './openapi-parts.ts';
import { conflict } from './problem-answers.ts';
import {
  newSessionBody,
  overviewQuery,
  previewBody,
  searchBody,
  turnsQuery,
  userIdParam,
  usersQuery,
} from './schemas.ts';

const problem = (name: string) => ({ $ref: `#/components/responses/${name}` });
const OF_SESSIONS = {
  401: problem('Unauthorized'),
  429: problem('TooMany'),
  500: problem('Internal'),
  503: problem('Unavailable'),
};

/** What the console's page asks, besides what every program does. */
export const consolePaths = () => ({ ...sessionPaths(), ...turnPaths(), ...lookUpPaths() });

const [limit] = pageOf('Users');
const agentId = query('agentId', 'Of this agent alone', jsonSchema(turnsQuery.shape.agentId));

const turnPaths = () => ({
  '/v1/agents/{agentId}/users': {
    get: {
      summary: 'Users of an agent that have a memory or a turn, the last heard first',
      security: keysFor('user.list'),
      parameters: [
        path('agentId'),
        limit,
        query('cursor', 'The nextCursor of the page before', jsonSchema(usersQuery.shape.cursor)),
      ],
      responses: {
        ...keyProblems('input', 'named'),
        200: responds('A page of users; `nextCursor` is null on the last', USERS),
      },
    },
  },
  '/v1/turns': {
    get: {
      summary: 'Messages and what became of them, newest first, without their texts',
      security: keysFor('turn.list'),
      parameters: [
        agentId,
        query('state', 'Those in this state alone', jsonSchema(turnsQuery.shape.state)),
        query(
          'degraded',
          'true: those alone that were answered without something',
          jsonSchema(turnsQuery.shape.degraded),
        ),
        ...pageOf('Turns'),
      ],
      responses: {
        ...keyProblems('input'),
        200: responds('A page of turns; `nextCursor` is null on the last', TURNS),
      },
    },
  },
  '/v1/messages/{messageId}/story': {
    get: {
      summary: 'How a message was answered, step by step',
      security: keysFor('message.story'),
      parameters: [path('messageId')],
      responses: {
        ...keyProblems('named'),
        200: responds('The steps, the prompt and the reply, while Temporal keeps them', STORY),
      },
    },
  },
  '/v1/overview': {
    get: {
      summary: 'How turns go, hour by hour',
      security: keysFor('turn.overview'),
      parameters: [
        agentId,
        query('hours', 'How far it looks back', jsonSchema(overviewQuery.shape.hours, 'output')),
      ],
      responses: {
        ...keyProblems('input'),
        200: responds('Counts by the hour, and how long each step takes', OVERVIEW),
      },
    },
  },
});

const lookUpPaths = () => ({
  '/v1/agents/{agentId}/users/{userId}/memory/search': {
    post: {
      summary: 'Search what an agent remembers of a user',
      security: keysFor('memory.search'),
      parameters: [path('agentId'), path('userId', jsonSchema(userIdParam))],
      requestBody: { required: true, ...json(searchBody, { query: 'bicycle', by: 'words' }) },
      responses: { ...PROBLEMS, 200: responds('Up to ten exchanges that fit best', FOUND_MEMORIES) },
    },
  },
  '/v1/agents/{agentId}/preview': {
    post: {
      summary: 'The prompt that a message would make, with these changes of the agent or without',
      security: keysFor('agent.preview'),
      parameters: [path('agentId')],
      requestBody: {
        required: true,
        ...json(previewBody, {
          userId: 'ada',
          text: 'What colour is my bicycle?',
          agent: { recall: { topK: 5 } },
        }),
      },
      responses: { ...PROBLEMS, 200: responds('What the model would be sent, and why', PREVIEW) },
    },
  },
});

const sessionPaths = () => ({
  '/console/session': {
    post: {
      summary: 'Sign in to the console',
      requestBody: {
        required: true,
        ...json(newSessionBody, { token: 'konstruct_0000000000000000000000000000000000000000000' }),
      },
      responses: {
        ...OF_SESSIONS,
        204: described('Signed in, by a cookie that no script reads'),
        400: problem('Invalid'),
        409: conflict('The operator has set no key that encrypts', 'Not set up', 'Nobody can sign in here.'),
        413: problem('TooLarge'),
        415: problem('NotJson'),
      },
    },
    get: {
      summary: 'Who has signed in',
      responses: { ...OF_SESSIONS, 200: responds('The session; of the kind `none` for nobody', SESSION) },
    },
    delete: {
      summary: 'Sign out',
      responses: { ...OF_SESSIONS, 204: described('The cookie is gone') },
    },
  },
});
