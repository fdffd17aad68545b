/** Compares what a run has left behind with what was promised to its senders. */
import { embedAndStoreWorkflowId, handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { memoryShortKey } from '../../src/redis/keys.ts';
import type { Evidence, LedgerRow, MemoryRow } from './evidence.ts';
import type { PlannedMessage } from './plan.ts';
import type { Accepted } from './traffic.ts';

/** One thing that must not be, with the message it is about. */
export type Difference = { what: string; messageId: string; detail: string };

export type Verdict = {
  /** How many messages, or scopes, are as promised. */
  counts: Record<'accepted' | 'replied' | 'windows' | 'memories', { right: number; of: number }>;
  differences: Difference[];
};

const WINDOW_SIZE = 20;

/**
 * Compares what was sent with what is there: every message accepted as one turn, answered by one workflow
 * with one reply, standing once and in the ledger's order in its scope's window, remembered by exactly two
 * rows of its scope, and nothing else anywhere.
 */
export function audit(
  planned: readonly PlannedMessage[],
  accepted: readonly Accepted[],
  evidence: Evidence,
): Verdict {
  const differences: Difference[] = [];
  const differ = (what: string, messageId: string, detail: string): false => {
    differences.push({ what, messageId, detail });
    return false;
  };
  const byId = new Map(accepted.map((one) => [one.messageId, one]));
  for (const { key } of planned)
    if (!accepted.some(({ message }) => message.key === key))
      differ('accepted', key, 'was never acknowledged');

  for (const turn of evidence.turns)
    if (!byId.has(turn.messageId))
      differ('accepted', turn.messageId, `a turn that nobody sent (${turn.dedupeKey})`);
  checkWorkflows(accepted, evidence, differ);

  const turnOf = new Map(evidence.turns.map((turn) => [turn.messageId, turn]));
  const counted = (check: (one: Accepted) => boolean) => accepted.filter(check).length;
  const isTurn = (one: Accepted) =>
    turnOf.get(one.messageId)?.state === 'done' ||
    differ('accepted', one.messageId, `ledger: ${turnOf.get(one.messageId)?.state ?? 'no such turn'}`);
  const inWindows = checkWindows(evidence, byId, differ);
  return {
    counts: {
      accepted: { right: counted(isTurn), of: planned.length },
      replied: { right: counted((one) => isRepliedOnce(one, evidence, differ)), of: planned.length },
      windows: inWindows,
      memories: { right: checkMemories(accepted, evidence, differ), of: planned.length },
    },
    differences,
  };
}

type Differ = (what: string, messageId: string, detail: string) => false;

function checkWorkflows(accepted: readonly Accepted[], evidence: Evidence, differ: Differ): void {
  const expected = new Map<string, string>();
  for (const { scope, messageId } of accepted) {
    expected.set(handleMessageWorkflowId(scope.tenantId, messageId), messageId);
    expected.set(embedAndStoreWorkflowId(scope.tenantId, messageId), messageId);
  }
  const seen = new Map<string, number>();
  for (const { workflowId, status, type } of evidence.workflows) {
    seen.set(workflowId, (seen.get(workflowId) ?? 0) + 1);
    const messageId = expected.get(workflowId);
    if (messageId === undefined) differ('replied', workflowId, `${type} that belongs to no message`);
    else if (status !== 'COMPLETED') differ('replied', messageId, `${type} ended as ${status}`);
  }
  for (const [workflowId, messageId] of expected)
    if (seen.get(workflowId) !== 1)
      differ('replied', messageId, `${workflowId} ran ${seen.get(workflowId) ?? 0} times`);
}

/** One reply, the same whenever it is asked for, and an answer of the model to this very message. */
function isRepliedOnce({ message, messageId }: Accepted, evidence: Evidence, differ: Differ): boolean {
  const [first, second] = evidence.replies.get(messageId) ?? [];
  if (first?.state !== 'done' || first.text === undefined)
    return differ('replied', messageId, `looked up: ${first?.status} ${first?.state}`);
  if (first.text !== second?.text) return differ('replied', messageId, 'two look-ups, two replies');
  return /^Answer \d+ to: /.test(first.text) && first.text.endsWith(` to: ${message.text}`)
    ? true
    : differ('replied', messageId, `is no answer to it: ${first.text}`);
}

/** Every scope's window holds its last turns, in the ledger's order, with their replies, and nothing more. */
function checkWindows(evidence: Evidence, byId: ReadonlyMap<string, Accepted>, differ: Differ) {
  const turnsOf = Map.groupBy(evidence.turns, ({ tenantId, agentId, userId }: LedgerRow) =>
    memoryShortKey(tenantId, agentId, userId),
  );
  let right = 0;
  for (const [key, turns] of turnsOf) {
    const expected = turns
      .toSorted((a, b) => a.seq - b.seq)
      .flatMap(({ messageId }) => [
        { messageId, role: 'user', content: byId.get(messageId)?.message.text },
        { messageId, role: 'assistant', content: evidence.replies.get(messageId)?.[0].text },
      ])
      .slice(-WINDOW_SIZE);
    const found = evidence.windows.get(key) ?? [];
    const wrong = expected.find(
      ({ role, content }, i) => found[i]?.role !== role || found[i].content !== content,
    );
    if (!wrong && found.length === expected.length) right += 1;
    else
      differ(
        'window',
        wrong?.messageId ?? turns[0]?.messageId ?? '',
        `${key}: expected ${expected.length} entries, found ${found.length}: ${JSON.stringify(found.map(({ content }) => content.slice(0, 24)))}`,
      );
  }
  for (const key of evidence.windows.keys())
    if (!turnsOf.has(key)) differ('window', key, 'a window of a scope that nobody wrote to');
  return { right, of: turnsOf.size };
}

function checkMemories(accepted: readonly Accepted[], evidence: Evidence, differ: Differ): number {
  const rowsOf = Map.groupBy(evidence.memories, ({ exchangeId }: MemoryRow) => exchangeId);
  const right = accepted.filter(({ message, messageId, scope }) => {
    const rows = rowsOf.get(messageId) ?? [];
    rowsOf.delete(messageId);
    const reply = evidence.replies.get(messageId)?.[0].text;
    const isOurs = (row: MemoryRow) =>
      row.tenantId === scope.tenantId && row.agentId === scope.agentId && row.userId === scope.userId;
    const texts = rows
      .filter(isOurs)
      .map(({ role, content }) => `${role}: ${content}`)
      .sort();
    const asPromised =
      rows.length === 2 && texts[0] === `assistant: ${reply}` && texts[1] === `user: ${message.text}`;
    return (
      asPromised || differ('memories', messageId, `${rows.length} rows, of its scope: ${texts.join(' | ')}`)
    );
  });
  for (const exchangeId of rowsOf.keys()) differ('memories', exchangeId, 'memories of no message');
  return right.length;
}
