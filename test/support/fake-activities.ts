import type { Activities } from '../../src/activities/index.ts';

/** Activities that succeed at once and note their names; override those that a test is about. */
export function fakeActivities(calls: string[], overrides: Partial<Activities> = {}): Activities {
  const activities: Activities = {
    async findTurnBefore() {
      return { state: 'none' };
    },
    async gatherContext() {
      return {
        window: [{ role: 'user', content: 'Hello' }],
        recalled: [
          {
            content: 'My dog is called Rex',
            role: 'user',
            score: 0.6,
            cosine: 0.6,
            lexical: 0.6,
            createdAt: '2026-11-01T00:00:00.000Z',
            exchangeId: '00000000-0000-4000-8000-000000000000',
          },
        ],
        embedding: 'AAAA',
        missing: [],
        timingsMs: { window: 1, embed: 1, recall: 1 },
      };
    },
    async answerTurn() {
      return { text: 'Rex.', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 } };
    },
    async appendTurnToWindow() {},
    async appendOwedTurn() {},
    async storeTurn() {},
    async recordFailedTurn() {},
    async showProgress() {
      const progress = { kind: 'message', ts: '1700000000.000001' };
      return { progress, delivered: false, uncertain: false };
    },
    async deliverReply() {},
    async importSlice() {
      return { lines: 0 };
    },
    async finishImport() {
      return { exchanges: 0, stored: 0 };
    },
    async beginReindex() {},
    async reindexSlice() {
      return { after: null };
    },
    async finishReindex(key) {
      const at = '2026-11-01T00:00:00.000Z';
      return { ...key, version: 1, requestedAt: at, finishedAt: at, exchanges: 0, renewed: 0, left: 0 };
    },
    async sweepRetention() {
      return { tenants: 0, exchanges: 0, messages: 0, passages: 0, turns: 0 };
    },
    async removeRuns() {
      return 0;
    },
    async removeRows() {},
    async removeKeys() {
      return 0;
    },
    async finishRemoval({ tenantId, removed }) {
      const at = '2026-11-01T00:00:00.000Z';
      return { tenantId, requestedAt: at, finishedAt: at, removed: { rows: {}, ...removed } };
    },
    async forgetMemory() {
      return { window: 0, keys: 0 };
    },
    async forgetExecutions() {
      return { last: null, executions: 0 };
    },
    async forgetLedger() {
      return 'all';
    },
    async finishErasure({ message, removed }) {
      return {
        erasureId: message.messageId,
        requestedAt: message.receivedAt,
        finishedAt: message.receivedAt,
        removed: { ...removed, memories: 0, passages: 0, turns: 0 },
        remains: [],
      };
    },
    ...overrides,
  };
  const noting = Object.entries(activities).map(([name, activity]) => {
    const run = activity as (...args: unknown[]) => Promise<unknown>;
    return [name, (...args: unknown[]) => (calls.push(name), run(...args))];
  });
  return Object.fromEntries(noting) as Activities;
}
