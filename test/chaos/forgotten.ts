/** What erasures leave behind, compared with what was promised. */
import { memoryShortKey } from '../../src/redis/keys.ts';
import type { ReportDifference } from './audit.ts';
import type { ErasureRow, Evidence, LedgerRow } from './evidence.ts';
import type { Accepted, AcceptedErasure, ChaosScope } from './traffic.ts';

const NOBODY = /^erased:/;

/** Whether a message comes before an erasure of its scope, as the ledger has numbered them. */
export function forgottenBy(
  accepted: readonly AcceptedErasure[],
  { erasures }: Evidence,
  turnOf: ReadonlyMap<string, LedgerRow>,
): (one: Accepted) => boolean {
  const before = new Map<string, number>();
  for (const { scope, erasureId } of accepted) {
    const seq = erasures.find(({ id }) => id === erasureId)?.seq ?? 0;
    before.set(keyOf(scope), Math.max(before.get(keyOf(scope)) ?? 0, seq));
  }
  return ({ messageId, scope }) => {
    const turn = turnOf.get(messageId);
    return turn !== undefined && turn.seq < (before.get(keyOf(scope)) ?? 0);
  };
}

const keyOf = ({ tenantId, agentId, userId }: ChaosScope) => memoryShortKey(tenantId, agentId, userId);

/** True when nothing is left of a forgotten message but a row that names nobody. */
export function isGone(
  { message, messageId }: Accepted,
  turnOf: ReadonlyMap<string, LedgerRow>,
  evidence: Evidence,
  reportDifference: ReportDifference,
): boolean {
  const turn = turnOf.get(messageId);
  const answers = evidence.replies.get(messageId) ?? [];
  const left = [
    turn && NOBODY.test(turn.userId) && NOBODY.test(turn.dedupeKey) ? '' : 'its row names somebody',
    evidence.memories.some((row) => row.exchangeId === messageId) ? 'memories' : '',
    evidence.workflows.some(({ workflowId }) => workflowId.endsWith(`:${messageId}`)) ? 'executions' : '',
    [...evidence.windows.values()].flat().some(({ content }) => content.endsWith(message.text))
      ? 'a window'
      : '',
    answers.every(({ state, text }) => state === 'erased' && text === undefined) ? '' : 'an answer',
  ].filter((place) => place !== '');
  return left.length === 0 || reportDifference('forgotten', messageId, `left: ${left.join(', ')}`);
}

/** True when an erasure has its receipt, once, and names nobody. */
export function hasEndedOnce(
  { id, isFinished, ends, userId }: ErasureRow,
  reportDifference: ReportDifference,
): boolean {
  if (!isFinished) return reportDifference('erasure', id, 'has not ended');
  if (userId !== '') return reportDifference('erasure', id, 'names somebody');
  return ends === 1 || reportDifference('erasure', id, `has ended ${ends} times`);
}
