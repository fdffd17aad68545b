import {
  type ErasedTurn,
  findErasedTurns,
  finishErasure,
  forgetSomeImports,
  forgetSomeMemories,
  forgetTurns,
  noteArrived,
} from '../db/erasures.ts';
import { findErasuresBefore, type Forgettable } from '../db/open-erasures.ts';
import { isStatementTimeout } from '../db/outage.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import type { ErasureReceipt, Removed } from '../domain/erasure.ts';
import { forgetUserWorkflowId } from '../domain/ids.ts';
import { statusOf } from '../intake/settle-turn.ts';
import { eraseFromWindow, eraseWindow } from '../memory/window/erase-window.ts';
import { forgetDirectThreads } from '../redis/direct-threads.ts';
import { forgetKeysOfUser } from '../redis/keys-of-user.ts';
import { forgetReplyPieces } from '../redis/reply-pieces.ts';
import { createExecutionEraser } from '../temporal/execution-eraser.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { heartbeat } from './watch-attempt.ts';

/** Rows of each table in one transaction: some tenths of a second's work. */
const ROWS_AT_ONCE = 1_000;
/** Turns of one step; each has two workflows. */
const TURNS_AT_ONCE = 100;

type Erasure = { message: InboundMessage };

/** The steps of an erasure. Each is safe to repeat, and removes only what stands before it in its scope. */
export function createForget(dependencies: Pick<ActivityDependencies, 'pool' | 'redis' | 'temporal'>) {
  const { pool, redis, temporal } = dependencies;
  const executions = createExecutionEraser(temporal, heartbeat);

  const wipeWindow = (message: InboundMessage): Promise<number> =>
    message.text === ''
      ? eraseWindow(redis, message, message.seq)
      : eraseFromWindow(redis, message, message.text);

  const wipeMarks = async (message: InboundMessage): Promise<number> => {
    const removed = await forgetKeysOfUser(redis, message);
    return removed + (await forgetDirectThreads(redis, message, heartbeat));
  };

  /** Some rows at a time, and fewer where the statement's time is over before they are gone. */
  const inParts = async (
    forgetSome: typeof forgetSomeMemories,
    { tenantId, messageId }: InboundMessage,
  ): Promise<void> => {
    let atMost = ROWS_AT_ONCE;
    for (let isLeft = true; isLeft;) {
      heartbeat();
      try {
        isLeft = await forgetSome(pool, tenantId, messageId, atMost);
      } catch (error) {
        if (atMost === 1 || !isStatementTimeout(error)) throw error;
        atMost = Math.floor(atMost / 2);
      }
    }
  };

  return {
    /** Forgets imports, memories, window and names: what turns after it would begin with. */
    async forgetMemory({ message }: Erasure): Promise<Pick<Removed, 'window' | 'keys'>> {
      // First: an import that goes on would fill both.
      await inParts(forgetSomeImports, message);
      const window = await wipeWindow(message);
      const keys = message.text === '' ? await wipeMarks(message) : 0;
      await inParts(forgetSomeMemories, message);
      return { window, keys };
    },

    /** Deletes the executions of the next turns, and says which was the last; null when there were none. */
    async forgetExecutions(
      input: Erasure & { after: number },
    ): Promise<{ last: number | null; executions: number }> {
      const { message, after } = input;
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
    },

    /**
     * Makes those of the first turns anonymous of which Temporal knows nothing any more and won't learn
     * anything, and deletes once more what it still knows: a start may have come late. Says whether there
     * were turns, and whether some went.
     */
    async forgetLedger({ message }: Erasure): Promise<'all' | 'some' | 'none'> {
      const { tenantId, messageId: erasureId } = message;
      const turns = await erasedTurns(message, 0);
      if (turns.length === 0) return 'all';
      const settled = turns.filter(({ mayStart }) => !mayStart);
      if (settled.length === 0) return 'none';
      // Once more: an attempt that nobody could stop at once may have gone on writing.
      await forgetReplyPieces(redis, tenantId, idsOf(settled));
      const { runs, isPart } = await executions.find(tenantId, idsOf(settled));
      const known = new Set(idsOf(runs));
      const gone = isPart ? [] : settled.filter(({ messageId }) => !known.has(messageId));
      if (gone.length > 0) await forgetTurns(pool, tenantId, erasureId, idsOf(gone));
      await executions.erase(runs);
      return gone.length > 0 || isPart ? 'some' : 'none';
    },

    /**
     * Looks into the window once more, now that nothing writes late, and makes the receipt. Erasures before
     * it that don't run, since nobody asked for them again, have nothing left to do either.
     */
    async finishErasure(
      input: Erasure & { removed: Pick<Removed, 'window' | 'keys' | 'executions'> },
    ): Promise<ErasureReceipt> {
      const { message, removed } = input;
      const { tenantId, messageId: erasureId } = message;
      const late = await wipeWindow(message);
      for (const id of await findErasuresBefore(pool, wantedBy(message), message.seq)) {
        heartbeat();
        if ((await statusOf(temporal, forgetUserWorkflowId(tenantId, id))) !== 'RUNNING')
          await finishErasure(pool, tenantId, id, { window: 0, keys: 0, executions: 0 });
      }
      return finishErasure(pool, tenantId, erasureId, { ...removed, window: removed.window + late });
    },
  };

  function erasedTurns(message: InboundMessage, after: number) {
    return findErasedTurns(pool, wantedBy(message), { after, before: message.seq, limit: TURNS_AT_ONCE });
  }
}

const wantedBy = ({ tenantId, agentId, userId, text }: InboundMessage): Forgettable => ({
  ...{ tenantId, agentId, userId },
  exchangeId: text === '' ? undefined : text,
});

const idsOf = (turns: ReadonlyArray<Pick<ErasedTurn, 'messageId'>>): string[] =>
  turns.map(({ messageId }) => messageId);
