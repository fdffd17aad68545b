/** One answer of each shape, as /openapi.json shows it. `answers.ts` checks their types, a test the rest. */

const TENANT_ID = '7f8a4c1e-52d3-4b5e-9d0a-3f6f1c2b9a10';
const AGENT_ID = '0c9d8e7f-1a2b-4c3d-8e4f-5a6b7c8d9e0f';
const MESSAGE_ID = '3d1f0b52-9a46-4c7e-8b1a-6f2e5d4c3b2a';
const EXCHANGE_ID = 'b7e6d5c4-a3b2-4190-8f7e-6d5c4b3a2910';
const KEY_ID = '5b1e2d3c-4f60-4a71-9b82-c3d4e5f60718';
const API_KEY = 'konstruct_0000000000000000000000000000000000000000000';
const WORKFLOW_ID = `${TENANT_ID}:message:${MESSAGE_ID}`;

export const AGENT = {
  id: AGENT_ID,
  tenantId: TENANT_ID,
  name: 'Mara',
  jobTitle: 'Support engineer',
  persona: 'Warm and brief.',
  systemPrompt: 'You answer customers of a bicycle shop.',
  model: null,
  maxPromptTokens: null,
  recall: { topK: 5, threshold: 0.14, cosineWeight: 0.5, maxWords: 200, fillWords: 190 },
  liveReplies: true,
  llm: { maxOutputTokens: 2_000 },
};

export const IDS = { messageId: MESSAGE_ID, workflowId: WORKFLOW_ID };
export const PENDING = { ...IDS, state: 'accepted' as const };

export const DONE = {
  messageId: MESSAGE_ID,
  workflowId: WORKFLOW_ID,
  state: 'done' as const,
  reply: { text: 'Your bicycle is the blue one.' },
  memory: {
    windowSize: 2,
    recalled: [
      {
        content: 'My bicycle is blue.',
        role: 'user' as const,
        score: 0.71,
        cosine: 0.68,
        lexical: 0.75,
        createdAt: '2026-05-04T09:30:00.000Z',
        exchangeId: EXCHANGE_ID,
        rank: 1,
      },
    ],
    receipt: { match: 0.55, threshold: 0.14, nearestMiss: null },
    droppedFromWindow: 0,
  },
  answer: {
    model: 'gpt-4.1-mini',
    usage: { promptTokens: 312, completionTokens: 9 },
    timingsMs: { waited: 0, window: 1.2, embed: 8.1, recall: 6.4, llm: 820 },
    finishReason: 'stop',
  },
  missing: [],
};

export const FAILED = {
  messageId: MESSAGE_ID,
  workflowId: WORKFLOW_ID,
  state: 'failed' as const,
  reply: { text: 'Sorry, I can’t answer at the moment.' },
};

export const MEMORY = {
  window: [
    { role: 'user' as const, content: 'My bicycle is blue.' },
    { role: 'assistant' as const, content: 'A fine colour.' },
  ],
  memories: [
    {
      id: '9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d',
      content: 'My bicycle is blue.',
      role: 'user' as const,
      exchangeId: EXCHANGE_ID,
      createdAt: '2026-05-04T09:30:00.123456Z',
      channel: 'http',
    },
  ],
  nextCursor: null,
};

const IMPORT_ID = '2c4e6a80-1b3d-4f5e-9a7c-8e0d2f4b6a81';
export const IMPORT_ACCEPTED = { importId: IMPORT_ID, exchanges: 12, windowMessages: 4, isLastPart: true };
export const IMPORT = {
  importId: IMPORT_ID,
  state: 'done' as const,
  agentId: AGENT_ID,
  userId: 'ada',
  exchanges: 12,
  stored: 12,
  finishedAt: '2026-05-04T09:31:02.500Z',
};
/** The first and the last line of a file without a memory. */
export const EXPORT = [
  {
    type: 'header',
    format: 'konstruct-memory',
    version: 1,
    model: 'all-MiniLM-L6-v2',
    exportedAt: '2026-05-04T09:31:00.000Z',
    tenantId: TENANT_ID,
    agentId: AGENT_ID,
    userId: 'ada',
  },
  { type: 'end', exchanges: 0, windowMessages: 0, nextCursor: null },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');

export const ERASURE = {
  erasureId: '6e5d4c3b-2a19-4807-b6c5-d4e3f2a1b0c9',
  requestedAt: '2026-05-04T09:32:00.000Z',
  finishedAt: '2026-05-04T09:32:01.250Z',
  removed: { window: 4, memories: 24, passages: 14, executions: 25, turns: 12, keys: 1 },
  remains: [{ where: 'Backups', until: 'your retention of backups has passed' }],
};

export const AUDIT_PAGE = {
  entries: [
    {
      id: '4b3c2d1e-0f9a-4b8c-9d7e-6f5a4b3c2d1e',
      tenantId: TENANT_ID,
      createdAt: '2026-05-04T09:33:00.000000Z',
      actor: { type: 'api-key' as const, id: KEY_ID, name: 'the shop’s backend' },
      action: 'agent.change',
      target: { type: 'agent', id: AGENT_ID },
      outcome: 'done' as const,
      counts: {},
    },
  ],
  nextCursor: null,
};

export const TENANT = {
  id: TENANT_ID,
  name: 'The bicycle shop',
  rateLimits: { user: { burst: 60, perMinute: 60 }, tenant: { burst: 6_000, perMinute: 6_000 } },
  retention: { memoryDays: null, ledgerDays: 365 },
};
export const NEW_KEY = { apiKeyId: KEY_ID, apiKey: API_KEY };
export const NEW_TENANT = { tenantId: TENANT_ID, ...NEW_KEY };
export const API_KEYS = {
  apiKeys: [
    {
      apiKeyId: KEY_ID,
      name: 'the shop’s backend',
      role: 'chat' as const,
      createdAt: '2026-05-04T09:00:00.000Z',
      expiresAt: null,
      lastUsedAt: '2026-05-04T09:33:00.000Z',
      revokedAt: null,
    },
  ],
};
export const REMOVAL = {
  tenantId: TENANT_ID,
  requestedAt: '2026-05-04T10:00:00.000Z',
  finishedAt: null,
  removed: { rows: {}, executions: 0, keys: 0 },
};

export const SESSION = {
  kind: 'key' as const,
  tenantId: TENANT_ID,
  tenantName: 'The bicycle shop',
  role: 'read' as const,
  keyId: KEY_ID,
  keyName: 'the shop’s backend',
  canSearch: true,
  workflowsUrl: null,
};

export const TURN = {
  messageId: MESSAGE_ID,
  workflowId: WORKFLOW_ID,
  agentId: AGENT_ID,
  userId: 'ada',
  channel: 'http',
  state: 'done' as const,
  acceptedAt: '2026-05-04T09:30:00.000000Z',
  endedAt: '2026-05-04T09:30:01.250Z',
  missing: [],
  recalled: 2,
};
export const OVERVIEW = {
  from: '2026-05-04T09:00:00.000Z',
  to: '2026-05-04T09:40:00.000Z',
  isPart: false,
  hours: [
    {
      at: '2026-05-04T09:00:00Z',
      turns: 12,
      answered: 10,
      underWay: 1,
      refused: 0,
      failed: 1,
      degraded: 0,
      recallHits: 8,
      recallEmpty: 3,
      up: 2,
      down: 0,
    },
  ],
  latency: [{ step: 'llm' as const, turns: 11, p50Ms: 820.5, p95Ms: 2_100 }],
  backfill: { waiting: 0, oldestAt: null, isPart: false },
};

export const PREVIEW = {
  channel: 'http',
  userName: null,
  prompt: [
    { role: 'system' as const, content: 'You answer customers of a bicycle shop.' },
    { role: 'user' as const, content: 'What colour is my bicycle?' },
  ],
  estimatedTokens: 20,
  windowSize: 0,
  droppedFromWindow: 0,
  recalled: DONE.memory.recalled,
  receipt: DONE.memory.receipt,
  missing: [],
};

export const STORY = {
  workflowId: WORKFLOW_ID,
  type: 'HandleMessage',
  state: 'completed' as const,
  startedAt: '2026-05-04T09:30:00.000Z',
  durationMs: 860,
  isPart: false,
  steps: [
    {
      name: 'gatherContext',
      summary: 'look up what is remembered',
      state: 'noted' as const,
      atMs: 12,
      attempts: 1,
    },
    {
      name: 'answerTurn',
      summary: 'ask the model',
      state: 'done' as const,
      atMs: 20,
      durationMs: 830,
      attempts: 1,
    },
  ],
  prompt: PREVIEW.prompt,
  reply: 'Your bicycle is the blue one.',
  stored: null,
};

export const READY = {
  status: 'ready' as const,
  missing: [],
  checks: { postgres: 'ok' as const, redis: 'ok' as const, temporal: 'ok' as const, worker: 'ok' as const },
};
export const NOT_READY = {
  status: 'not ready' as const,
  missing: ['worker'],
  checks: { ...READY.checks, worker: 'away' as const },
};
