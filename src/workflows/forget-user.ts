import {
  CancellationScope,
  continueAsNew,
  getExternalWorkflowHandle,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { ErasureReceipt, ForgetProgress, ForgetUserInput } from '../domain/erasure.ts';
import { finishErasure, forgetExecutions, forgetLedger, forgetMemory } from './activities.ts';
import { findRunningTurn, holdNobody, joinTurnOrder } from './turn-order.ts';

/** Steps of one run; the next run goes on where it ended, so that no history grows with the scope. */
const STEPS_OF_A_RUN = 50;
/** How long what still runs before an erasure has to end by itself once it is cancelled: so many seconds. */
const CANCELLATIONS = 20;
/**
 * A server deletes executions in its own time: half a minute on a quiet one. A start that may still arrive
 * takes ten, and each look costs about half a reply: each waits longer than the one before.
 */
const LOOK_AGAIN = { firstMs: 2_000, growth: 1.5, atMostMs: 60_000 };

/**
 * The story of an erasure: wait for the turns before it, and end those that hang; forget what is remembered,
 * so that turns after it begin with nothing; delete the executions of all turns before it; make their rows in
 * the ledger anonymous once Temporal knows none of them; give the receipt. It is not to be stopped half-way:
 * a request to cancel changes nothing.
 */
export async function ForgetUser(input: ForgetUserInput): Promise<ErasureReceipt> {
  return CancellationScope.nonCancellable(() => forget(input));
}

async function forget(input: ForgetUserInput): Promise<ErasureReceipt> {
  const { message, seals } = input;
  let progress = input.progress ?? (await begin(input));
  holdNobody();
  let waitMs = LOOK_AGAIN.firstMs;
  for (let step = 1; ; step += 1) {
    // replay-tested: 2026-11-28 (forgotten-in-a-further-run)
    if (step > STEPS_OF_A_RUN) return continueAsNew<typeof ForgetUser>({ ...input, progress });
    if (progress.after !== null) {
      const { last, executions } = await forgetExecutions({ message, after: progress.after, seals });
      const { removed } = progress;
      progress = { after: last, removed: { ...removed, executions: removed.executions + executions } };
      continue;
    }
    const forgotten = await forgetLedger({ message, seals });
    if (forgotten === 'all') return finishErasure({ message, removed: progress.removed, seals });
    if (forgotten === 'some') waitMs = LOOK_AGAIN.firstMs;
    else {
      await sleep(waitMs, { summary: 'the server deletes in its own time' });
      waitMs = Math.min(LOOK_AGAIN.growth * waitMs, LOOK_AGAIN.atMostMs);
    }
  }
}

/** Takes its place among the turns of the scope, and forgets what they left. */
async function begin(input: ForgetUserInput): Promise<ForgetProgress> {
  const { message, seals } = input;
  const order = joinTurnOrder(input);
  await order.waitForMyTurn();
  await endWhatStillRuns(input);
  const removed = await forgetMemory({ message, seals });
  await order.release();
  return { removed: { ...removed, executions: 0 }, after: 0 };
}

/**
 * Cancels turns that hang for longer than they may hold others: their people are told. When one exchange is
 * forgotten that is its own turn alone; others go on. Whatever doesn't end is ended when its execution is
 * deleted.
 */
async function endWhatStillRuns(input: ForgetUserInput): Promise<void> {
  const { turnsAhead, text: exchangeId } = input.message;
  if (turnsAhead === 0) return;
  for (let round = 0; round < CANCELLATIONS; round += 1) {
    const { workflowId } = await findRunningTurn(input, exchangeId === '' ? undefined : exchangeId);
    if (workflowId === undefined || workflowId === workflowInfo().workflowId) return;
    // Of a turn that has closed meanwhile the server takes the request as well.
    await getExternalWorkflowHandle(workflowId)
      .cancel()
      .catch(() => undefined);
    await sleep('1s', { summary: 'a turn before is being cancelled' });
  }
}
