/** Compares what a run has left behind with what was promised to its senders. */
import {
  embedAndStoreWorkflowId,
  forgetUserWorkflowId,
  handleMessageWorkflowId,
} from '../../src/domain/ids.ts';
import { memoryShortKey } from '../../src/redis/keys.ts';
import type { Evidence, LedgerRow, MemoryRow } from './evidence.ts';
import { forgottenBy, hasEndedOnce, isGone } from './forgotten.ts';
import { firstLine, isHostile, type PlannedMessage } from './plan.ts';
import type { Accepted, Traffic } from './traffic.ts';

/** A violated promise, with the message that it concerns. */
export type Difference = { what: string; messageId: string; detail: string };

export type Verdict = {
  /** For how many messages, scopes or erasures every promise holds. */
  counts: Record<
    'accepted' | 'replied' | 'windows' | 'memories' | 'forgotten' | 'erasures',
    { right: number; of: number }
  >;
  differences: Difference[];
};

const WINDOW_SIZE = 20;

/**
 * Compares the messages sent with the stored state. Every message must be accepted as one turn. Those before
 * an erasure must be forgotten everywhere. Every other must be answered by one workflow with one reply, be in
 * its scope's window once and in the ledger's order, and be remembered by exactly two rows of its scope.
 * Every erasure must have ended once. There must be nothing else.
 */
export function audit(
  planned: readonly PlannedMessage[],
  { accepted, erasures }: Pick<Traffic, 'accepted' | 'erasures'>,
  evidence: Evidence,
): Verdict {
  const differences: Difference[] = [];
  const reportDifference = (what: string, messageId: string, detail: string): false => {
    differences.push({ what, messageId, detail });
    return false;
  };
  const byId = new Map(accepted.map((one) => [one.messageId, one]));
  for (const { key } of planned)
    if (!accepted.some(({ message }) => message.key === key))
      reportDifference('accepted', key, 'was never acknowledged');

  for (const turn of evidence.turns)
    if (!byId.has(turn.messageId))
      reportDifference('accepted', turn.messageId, `a turn that nobody sent (${turn.dedupeKey})`);

  const turnOf = new Map(evidence.turns.map((turn) => [turn.messageId, turn]));
  const isForgotten = forgottenBy(erasures, evidence, turnOf);
  const kept = accepted.filter((one) => !isForgotten(one));
  checkWorkflows(kept, evidence, reportDifference);
  const isTurn = (one: Accepted) => {
    const state = turnOf.get(one.messageId)?.state ?? 'no such turn';
    const expected = isForgotten(one) ? 'erased' : 'done';
    return state === expected || reportDifference('accepted', one.messageId, `ledger: ${state}`);
  };
  const inWindows = checkWindows(evidence, byId, reportDifference);
  const keptOf = planned.length - (accepted.length - kept.length);
  return {
    counts: {
      accepted: { right: accepted.filter(isTurn).length, of: planned.length },
      replied: {
        right: kept.filter((one) => isRepliedOnce(one, evidence, reportDifference)).length,
        of: keptOf,
      },
      windows: inWindows,
      memories: { right: checkMemories(kept, evidence, reportDifference), of: keptOf },
      forgotten: {
        right: accepted.filter((one) => isForgotten(one) && isGone(one, turnOf, evidence, reportDifference))
          .length,
        of: accepted.length - kept.length,
      },
      erasures: {
        right: evidence.erasures.filter((one) => hasEndedOnce(one, reportDifference)).length,
        of: evidence.erasures.length,
      },
    },
    differences,
  };
}

export type ReportDifference = (what: string, messageId: string, detail: string) => false;

function checkWorkflows(
  accepted: readonly Accepted[],
  evidence: Evidence,
  reportDifference: ReportDifference,
): void {
  const expected = new Map<string, string>();
  for (const { scope, messageId } of accepted) {
    expected.set(handleMessageWorkflowId(scope.tenantId, messageId), messageId);
    expected.set(embedAndStoreWorkflowId(scope.tenantId, messageId), messageId);
  }
  const erasureOf = new Map(
    evidence.erasures.map(({ tenantId, id }) => [forgetUserWorkflowId(tenantId, id), id]),
  );
  const seen = new Map<string, number>();
  for (const { workflowId, status, type } of evidence.workflows) {
    seen.set(workflowId, (seen.get(workflowId) ?? 0) + 1);
    const messageId = expected.get(workflowId) ?? erasureOf.get(workflowId);
    if (messageId === undefined)
      reportDifference('replied', workflowId, `${type} that belongs to no message`);
    else if (status !== 'COMPLETED') reportDifference('replied', messageId, `${type} ended as ${status}`);
  }
  for (const [workflowId, messageId] of expected)
    if (seen.get(workflowId) !== 1)
      reportDifference('replied', messageId, `${workflowId} ran ${seen.get(workflowId) ?? 0} times`);
}

/**
 * True when a message has one reply, which is the same at
 * every look-up and is the model's answer to this message.
 */
function isRepliedOnce(
  { message, messageId }: Accepted,
  evidence: Evidence,
  reportDifference: ReportDifference,
): boolean {
  const [first, second] = evidence.replies.get(messageId) ?? [];
  if (first?.state !== 'done' || first.text === undefined)
    return reportDifference('replied', messageId, `look-up: ${first?.status} ${first?.state}`);
  if (first.text !== second?.text)
    return reportDifference('replied', messageId, 'two look-ups gave two replies');
  const said = isHostile(message.text) ? firstLine(first.text) : first.text;
  return /^Answer \d+ to: /.test(said) && said.endsWith(` to: ${firstLine(message.text)}`)
    ? true
    : reportDifference('replied', messageId, `the reply answers another message: ${said.slice(0, 200)}`);
}

/** Every scope's window holds its last turns, in the ledger's order, with their replies, and nothing more. */
function checkWindows(
  evidence: Evidence,
  byId: ReadonlyMap<string, Accepted>,
  reportDifference: ReportDifference,
) {
  const kept = evidence.turns.filter(({ state }) => state !== 'erased');
  const turnsOf = Map.groupBy(kept, ({ tenantId, agentId, userId }: LedgerRow) =>
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
    const missing = expected.find(
      ({ role, content }, i) => found[i]?.role !== role || found[i].content !== content,
    );
    if (!missing && found.length === expected.length) right += 1;
    else
      reportDifference(
        'window',
        missing?.messageId ?? turns[0]?.messageId ?? '',
        `${key}: expected ${expected.length} entries, found ${found.length}: ${JSON.stringify(found.map(({ content }) => content.slice(0, 24)))}`,
      );
  }
  for (const key of evidence.windows.keys())
    if (!turnsOf.has(key)) reportDifference('window', key, 'a window of a scope that nobody wrote to');
  return { right, of: turnsOf.size };
}

function checkMemories(
  accepted: readonly Accepted[],
  evidence: Evidence,
  reportDifference: ReportDifference,
): number {
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
      asPromised ||
      reportDifference(
        'memories',
        messageId,
        `${rows.length} rows, in its scope: ${texts.map((text) => text.slice(0, 200)).join(' | ')}`,
      )
    );
  });
  for (const exchangeId of rowsOf.keys()) reportDifference('memories', exchangeId, 'memories of no message');
  return right.length;
}
