import {
  type ErasedTurn,
  findErasedTurns,
  finishErasure,
  forgetSomeImports,
  forgetSomeMemories,
  forgetTurns,
  hasTurnsBefore,
  noteArrived,
  stageOf,
} from '../db/erasures.ts';
import { inParts } from '../db/in-parts.ts';
import { findErasuresBefore, type Forgettable } from '../db/open-erasures.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import type { ErasureReceipt, Removed } from '../domain/erasure.ts';
import { forgetUserWorkflowId } from '../domain/ids.ts';
import { soundCount } from '../domain/sound-count.ts';
import { eraseFromWindow, eraseWindow } from '../memory/window/erase-window.ts';
import { forgetDirectThreads } from '../redis/direct-threads.ts';
import { forgetKeysOfUser } from '../redis/keys-of-user.ts';
import { forgetReplyPieces } from '../redis/reply-pieces.ts';
import { createExecutionEraser } from '../temporal/execution-eraser.ts';
import { statusOf } from '../temporal/status.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { notYet } from './not-yet.ts';
import { heartbeat } from './watch-attempt.ts';

/** Rows of each table in one transaction: some tenths of a second's work. */
const ROWS_AT_ONCE = 1_000;
/** Turns of one step; each has two workflows. */
const TURNS_AT_ONCE = 100;

type Erasure = { message: InboundMessage };

type Dependencies = Pick<ActivityDependencies, 'pool' | 'redis' | 'temporal'>;

/** The steps of an erasure. Each is safe to repeat, and removes only what stands before it in its scope. */
export function createForget(dependencies: Dependencies) {
  const { pool, temporal } = dependencies;
  const forgetMemory = createForgetMemory(dependencies);
  const { forgetExecutions, forgetLedger, forgetRest } = createForgetTurns(dependencies);
  return {
    forgetMemory,
    forgetExecutions,
    forgetLedger,

    /**
     * Makes the receipt. It takes no step's word: their results came through Temporal, where anybody may have
     * answered in their place. So all is looked through once more, and what is left is done here. That also
     * finds what was written late. Erasures before it that don't run, since nobody asked for them again, have
     * nothing left to do either.
     */
    async finishErasure(
      input: Erasure & { removed: Pick<Removed, 'window' | 'keys' | 'executions'> },
    ): Promise<ErasureReceipt> {
      const { message, removed } = input;
      const { tenantId, messageId: erasureId } = message;
      const late = { ...(await forgetMemory(input)), executions: await forgetRest(input) };
      for (const id of await findErasuresBefore(pool, wantedBy(message), message.seq)) {
        heartbeat();
        if ((await statusOf(temporal, forgetUserWorkflowId(tenantId, id))) !== 'RUNNING')
          await finishErasure(pool, tenantId, id, { window: 0, keys: 0, executions: 0 });
      }
      return finishErasure(pool, tenantId, erasureId, {
        window: soundCount(removed.window) + late.window,
        keys: soundCount(removed.keys) + late.keys,
        executions: soundCount(removed.executions) + late.executions,
      });
    },
  };
}

function createForgetMemory({ pool, redis }: Pick<Dependencies, 'pool' | 'redis'>) {
  const wipeWindow = async (message: InboundMessage): Promise<number> => {
    const { seq, text } = message;
    const mayComeLate = await hasTurnsBefore(pool, wantedBy(message), seq);
    return text === ''
      ? eraseWindow(redis, message, seq, mayComeLate)
      : eraseFromWindow(redis, message, text, mayComeLate);
  };

  const wipeMarks = async (message: InboundMessage): Promise<number> => {
    const removed = await forgetKeysOfUser(redis, message);
    return removed + (await forgetDirectThreads(redis, message, heartbeat));
  };

  const forgetAll = (
    forgetSome: typeof forgetSomeMemories,
    { tenantId, messageId }: InboundMessage,
  ): Promise<void> =>
    inParts(ROWS_AT_ONCE, (atMost) => {
      heartbeat();
      return forgetSome(pool, tenantId, messageId, atMost);
    });

  /** Forgets what turns after the erasure would begin with. One that has its receipt forgets no more. */
  return async ({ message }: Erasure): Promise<Pick<Removed, 'window' | 'keys'>> => {
    const stage = await stageOf(pool, message.tenantId, message.messageId);
    if (stage === 'finished') return { window: 0, keys: 0 };
    // First: an import that goes on would fill both.
    await forgetAll(forgetSomeImports, message);
    const window = await wipeWindow(message);
    // Once: what is marked after that is of what is said after the erasure.
    const keys = message.text === '' && stage === 'open' ? await wipeMarks(message) : 0;
    // Last: turns after the erasure wait until nothing is left of these.
    await forgetAll(forgetSomeMemories, message);
    return { window, keys };
  };
}

function createForgetTurns({ pool, redis, temporal }: Dependencies) {
  const executions = createExecutionEraser(temporal, heartbeat);

  const erasedTurns = (message: InboundMessage, after: number) =>
    findErasedTurns(pool, wantedBy(message), { after, before: message.seq, limit: TURNS_AT_ONCE });

  /** Deletes the executions of the next turns, and says which was the last; null when there were none. */
  const forgetExecutions = async ({
    message,
    after,
  }: Erasure & { after: number }): Promise<{ last: number | null; executions: number }> => {
    const { tenantId } = message;
    const turns = await erasedTurns(message, after);
    const last = turns.at(-1)?.seq ?? null;
    if (last === null) return { last, executions: 0 };
    await forgetReplyPieces(redis, tenantId, idsOf(turns));
    const { runs } = await executions.find(tenantId, idsOf(turns));
    // First: an attempt after this one finds nothing, and would take the starts for such as may still come.
    await noteArrived(pool, tenantId, idsOf(runs));
    await executions.erase(runs);
    return { last, executions: runs.length };
  };

  /**
   * Makes those of the first turns anonymous of which Temporal knows nothing any more and won't learn
   * anything, and deletes once more what it still knows: a start may have come late. Says whether there were
   * turns, and whether some went.
   */
  const forgetLedger = async ({ message }: Erasure): Promise<'all' | 'some' | 'none'> => {
    const { tenantId, messageId: erasureId } = message;
    const turns = await erasedTurns(message, 0);
    if (turns.length === 0) return 'all';
    const settled = turns.filter(({ mayStart }) => !mayStart);
    if (settled.length === 0) {
      // A start that is seen there may not come any more: that takes ten seconds, and not ten minutes.
      await forgetExecutions({ message, after: 0 });
      return 'none';
    }
    // Once more: an attempt that nobody could stop at once may have gone on writing.
    await forgetReplyPieces(redis, tenantId, idsOf(settled));
    const { runs, isPart } = await executions.find(tenantId, idsOf(settled));
    const known = new Set(idsOf(runs));
    const gone = isPart ? [] : settled.filter(({ messageId }) => !known.has(messageId));
    if (gone.length > 0) await forgetTurns(pool, tenantId, erasureId, idsOf(gone));
    await executions.erase(runs);
    return gone.length > 0 || isPart ? 'some' : 'none';
  };

  /**
   * Forgets turns that the steps before were to have forgotten, and gives the number of executions. Throws
   * when the rest needs time: the next attempt goes on.
   */
  const forgetRest = async (erasure: Erasure): Promise<number> => {
    for (let deleted = 0; ;) {
      heartbeat();
      const { last, executions: found } = await forgetExecutions({ ...erasure, after: 0 });
      if (last === null) return deleted;
      deleted += found;
      if ((await forgetLedger(erasure)) === 'none')
        throw notYet({ message: 'Temporal still knows turns before the erasure, or may learn of them' });
    }
  };

  return { forgetExecutions, forgetLedger, forgetRest };
}

const wantedBy = ({ tenantId, agentId, userId, text }: InboundMessage): Forgettable => ({
  ...{ tenantId, agentId, userId },
  exchangeId: text === '' ? undefined : text,
});

const idsOf = (turns: ReadonlyArray<Pick<ErasedTurn, 'messageId'>>): string[] =>
  turns.map(({ messageId }) => messageId);
