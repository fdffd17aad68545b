import {
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { InboundMessage } from '../domain/conversation.ts';
import { ordering } from './activities.ts';
import type { Steps } from './steps.ts';

/** A follower asks to be told when this turn has ended. */
const followerWaiting = defineSignal<[{ workflowId: string }]>('followerWaiting');
/** The turn before has ended, or has held its follower for as long as it may. */
const goAhead = defineSignal<[{ finished: boolean }]>('goAhead');

/** What a turn knows of the one before it. */
export type TurnBefore = {
  waitedFor?: { workflowId: string; finished: boolean };
  waitedMs: number;
  /** True when it could not be found out whether an earlier turn is still running. */
  unknown: boolean;
};

/** How long a message that is in the ledger may take to be started. The API gives up after 2 s. */
const START_GRACE_MS = 2_500;

/**
 * Turns of one scope are answered in the ledger's order. Temporal is the judge of what still runs: a turn
 * asks the nearest earlier one that does to tell it when it ends, and signals to a closed workflow fail.
 * Waiting is a workflow's, so it costs no worker slot. Nobody waits longer than `holdMs` for a turn that
 * is itself at work, since that one lets go of its followers by its own timer.
 */
export function joinTurnOrder(message: InboundMessage, holdMs: number, { holdsWhenFollowed }: Steps) {
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
    // A follower's signal and the model's answer may come in one task: not a microtask lies between the signal and the timer.
    if (!isDue()) await condition(isDue);
    // It is over (or, in a turn of before, nobody followed). A bounded wait would still start a timer to see that.
    if (isReleased()) return;
    if (await condition(isReleased, holdMs, { summary: 'after this the next turn need not wait' })) return;
    // Hung: whoever comes from now on isn't held at all.
    while (!isReleased()) {
      await tellFollowers(false);
      await condition(() => isReleased() || followers.length > 0);
    }
  };

  const waitForMyTurn = async (): Promise<TurnBefore> => {
    const started = Date.now();
    const before = message.turnsAhead > 0 ? await findTurnBefore(message) : {};
    let waitedFor: TurnBefore['waitedFor'];
    if (before.workflowId && (await askToBeTold(before.workflowId))) {
      // Each turn ahead may take its own bound; this outer one only matters if a workflow is broken.
      const longestMs = (holdMs + START_GRACE_MS) * message.turnsAhead;
      const heard = await condition(() => told !== undefined, longestMs, {
        summary: 'wait for the turn before',
      });
      waitedFor = { workflowId: before.workflowId, finished: heard && told?.finished === true };
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
    // In a cancelled turn signals are not sent otherwise, and its followers waited for as long as a turn may hold them.
    if (holdsWhenFollowed) await CancellationScope.nonCancellable(() => tellFollowers(true));
    else await tellFollowers(true);
  };

  let bounding: Promise<void> | undefined;
  // It ends with the turn, and when that is cancelled.
  const beginToBoundMyHold = () => void (bounding ??= boundMyHold().catch(() => undefined));

  setHandler(followerWaiting, ({ workflowId }) => {
    followers.push(workflowId);
    beginToBoundMyHold();
  });
  setHandler(goAhead, (news) => void (told ??= news));
  // Mostly nobody follows, and each activation asks every condition that is waited for.
  if (!holdsWhenFollowed) beginToBoundMyHold();
  return { waitForMyTurn, release };
}

/** The nearest earlier turn that still runs. One that is in the ledger but not yet started gets a moment to appear. */
async function findTurnBefore(message: InboundMessage): Promise<{ workflowId?: string; unknown?: boolean }> {
  for (;;) {
    const found = await ordering
      .findTurnBefore({ message, startGraceMs: START_GRACE_MS })
      .catch(() => ({ state: 'unknown' as const }));
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
