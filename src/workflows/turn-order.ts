import {
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { LONGEST_WAIT_MS, START_GRACE_MS } from '../domain/timing.ts';
import type { HandleMessageInput } from '../domain/turn.ts';
import { findTurnBefore } from './activities.ts';

/** A follower asks to be told when this turn has ended. */
const followerWaiting = defineSignal<[{ workflowId: string }]>('followerWaiting');
/** The turn before has ended, or has held its follower for as long as it may. */
const goAhead = defineSignal<[{ finished: boolean }]>('goAhead');

/**
 * A turn that waits is told when it is its turn, and asks by itself only in case the one before was
 * terminated. Each time costs about a fifth of a reply, and thousands may wait: the more are ahead, the
 * longer it takes until it asks.
 */
const MOST_ROUNDS = 2;

/** What has its place in the order of a scope: a turn, or an erasure. */
type InOrder = Pick<HandleMessageInput, 'message' | 'limits' | 'seals'>;

/** What a turn knows of the one before it. */
export type TurnBefore = {
  waitedFor?: { workflowId: string; finished: boolean };
  waitedMs: number;
  /** True when it could not be found out whether an earlier turn is still running. */
  unknown: boolean;
};

/**
 * Turns of one scope are answered in the ledger's order. Temporal is the judge of what still runs: a turn
 * asks the nearest earlier one that runs to tell it when it ends, and a signal to a closed workflow fails.
 * The waiting happens in the workflow, so it costs no worker slot. A turn at work lets go of its followers by
 * its own timer, so nobody waits longer than `limits.holdFollowersMs` for it.
 */
export function joinTurnOrder(inOrder: InOrder) {
  const { message, limits } = inOrder;
  const holdMs = limits.holdFollowersMs;
  const findBefore = () => findRunningTurn(inOrder);
  const followers: string[] = [];
  let told: { finished: boolean } | undefined;
  let released = false;
  let working = false;

  const tellFollowers = async (finished: boolean): Promise<void> => {
    while (followers.length > 0) {
      const follower = followers.shift();
      if (follower) await signalIfRunning(follower, finished);
    }
  };

  const isReleased = () => released;

  /** Lets followers go when this turn, once at work, takes longer than it may hold them. */
  const boundMyHold = async (): Promise<void> => {
    const isDue = () => isReleased() || (working && followers.length > 0);
    // A follower's signal and the model's answer may come in one task: no microtask may lie between signal
    // and timer.
    if (!isDue()) await condition(isDue);
    // Already released: return before `condition(…, timeout)` schedules a timer.
    if (isReleased()) return;
    if (await condition(isReleased, holdMs, { summary: 'after this the next turn need not wait' })) return;
    // This turn hangs: it holds nobody who comes from now on.
    while (!isReleased()) {
      await tellFollowers(false);
      await condition(() => isReleased() || followers.length > 0);
    }
  };

  const waitForMyTurn = async (): Promise<TurnBefore> => {
    const started = Date.now();
    // Each turn ahead may use up its own bound. The sum only matters if a workflow is broken.
    const rounds = Math.min(message.turnsAhead, MOST_ROUNDS);
    const onceMs = Math.min(message.turnsAhead * (holdMs + START_GRACE_MS), LONGEST_WAIT_MS) / rounds;
    let before = rounds > 0 ? await findBefore() : {};
    let waitedFor: TurnBefore['waitedFor'];
    for (let round = 1; before.workflowId; round += 1) {
      const { workflowId } = before;
      const isAsked = waitedFor?.workflowId === workflowId || (await askToBeTold(workflowId));
      if (!isAsked) break;
      const heard = await condition(() => told !== undefined, onceMs, {
        summary: 'wait for the turn before',
      });
      waitedFor = { workflowId, finished: heard && told?.finished === true };
      if (heard || round >= rounds) break;
      // One that Temporal ended has told nobody.
      before = await findBefore();
    }
    working = true;
    return {
      ...(waitedFor && { waitedFor }),
      waitedMs: Date.now() - started,
      unknown: before.unknown === true,
    };
  };

  const release = async (): Promise<void> => {
    released = true;
    if (followers.length === 0) return;
    // A cancelled scope sends no signals: its followers would wait for as long as a turn may hold them.
    await CancellationScope.nonCancellable(() => tellFollowers(true));
  };

  let bounding: Promise<void> | undefined;
  setHandler(followerWaiting, ({ workflowId }) => {
    followers.push(workflowId);
    // Not before somebody follows: mostly nobody does, and each activation asks every pending condition.
    bounding ??= boundMyHold().catch(() => undefined);
  });
  setHandler(goAhead, (news) => void (told ??= news));
  return { waitForMyTurn, release };
}

/**
 * The nearest earlier turn that still runs, or `only` one of them if it does. One that is in the ledger but
 * not yet started gets a moment to appear.
 */
export async function findRunningTurn(
  inOrder: InOrder,
  only?: string,
): Promise<{ workflowId?: string; unknown?: boolean }> {
  const { message, limits, seals } = inOrder;
  const wanted = {
    message,
    limits,
    startGraceMs: START_GRACE_MS,
    ...(only !== undefined && { only }),
    seals,
  };
  for (;;) {
    const found = await findTurnBefore(wanted).catch(() => ({
      state: 'unknown' as const,
    }));
    switch (found.state) {
      case 'running':
        return { workflowId: found.workflowId };
      case 'starting':
        await sleep(100, { summary: 'the turn before has not started yet' });
        continue;
      case 'none':
        return {};
      case 'unknown':
        return { unknown: true };
    }
  }
}

/** From now on whoever asks is told at once that it need not wait. */
export function holdNobody(): void {
  setHandler(followerWaiting, ({ workflowId }) => signalIfRunning(workflowId, true));
}

/** False when that workflow has closed in the meantime. */
async function askToBeTold(workflowId: string): Promise<boolean> {
  return getExternalWorkflowHandle(workflowId)
    .signal(followerWaiting, { workflowId: workflowInfo().workflowId })
    .then(() => true)
    .catch(() => false);
}

/** A follower that has gone on by itself needs no telling. */
async function signalIfRunning(workflowId: string, finished: boolean): Promise<void> {
  await getExternalWorkflowHandle(workflowId)
    .signal(goAhead, { finished })
    .catch(() => undefined);
}
