import { ApplicationFailure, asyncLocalStorage } from '@temporalio/activity';
import { validate as isUuid } from 'uuid';
import { endReindex, findReindex, noteOld } from '../db/reindexes.ts';
import { InvalidEmbeddingError } from '../domain/embedding.ts';
import { FAILURE } from '../domain/failures.ts';
import type { OldExchange, ReindexKey, ReindexProgress } from '../domain/reindex.ts';
import { beginSlice } from '../memory/embedding/model-slices.ts';
import { DERIVED_VERSION } from '../memory/long-term/derived-version.ts';
import { derive } from '../memory/long-term/derive.ts';
import { embedExchangeTexts, type Embed, type NewExchange } from '../memory/long-term/exchange-passages.ts';
import {
  countOldExchanges,
  findOldExchanges,
  readInGroups,
  renewExchange,
  type StoredExchange,
} from '../memory/long-term/renew-passages.ts';
import { errorName } from './channel-trouble.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { watchAttempt } from './watch-attempt.ts';

/**
 * The steps of a reindex; each is safe to repeat. They take no input on trust: nothing is derived anew of a
 * tenant for which the operator has not asked for it.
 */
export function createReindex({ pool, embedder }: Pick<ActivityDependencies, 'pool' | 'embedder'>) {
  /** The reindex, if it is under way: not once it has ended, or another was asked for. */
  const underWay = async ({ tenantId, reindexId }: ReindexKey): Promise<ReindexProgress | undefined> => {
    const found = isUuid(tenantId) ? await findReindex(pool, tenantId) : undefined;
    if (!found)
      throw ApplicationFailure.nonRetryable('the operator has not asked for this', FAILURE.notAccepted);
    if (found.reindexId !== reindexId || found.finishedAt !== null) return undefined;
    if (found.version <= DERIVED_VERSION) return found;
    throw ApplicationFailure.retryable(
      `this worker derives version ${DERIVED_VERSION}, and version ${found.version} was asked for`,
      FAILURE.workerTooOld,
    );
  };
  const countOld = async ({ tenantId, version }: ReindexProgress): Promise<number> => {
    const attempt = watchAttempt();
    try {
      return await countOldExchanges(pool, { tenantId, olderThan: version });
    } finally {
      attempt.end();
    }
  };

  return {
    /** Counts what there is to be done. */
    async beginReindex(key: ReindexKey): Promise<void> {
      const found = await underWay(key);
      if (found) await noteOld(pool, key, await countOld(found));
    },

    /**
     * Derives anew what comes next behind `after`, each exchange in a transaction of its own: an attempt that
     * breaks off has done those before. Gives the last one that it has looked at, null at the end.
     */
    async reindexSlice({
      after,
      ...key
    }: ReindexKey & { after: OldExchange | null }): Promise<{ after: OldExchange | null }> {
      const found = await underWay(key);
      if (!found) return { after: null };
      const { tenantId } = key;
      const places = await findOldExchanges(pool, { tenantId, olderThan: found.version, after });
      const attempt = watchAttempt();
      const slice = beginSlice(embedder);
      const embedFor = ({ scope: { userId } }: StoredExchange): Embed =>
        slice.embedFor({ tenantId, userId, priority: 'backfill', signal: attempt.signal });
      const renew = async (group: readonly StoredExchange[]): Promise<void> => {
        const derived = await Promise.all(
          group.map((stored) =>
            unlessItFails(stored.place.exchangeId, () =>
              derivedAnew(stored, embedFor(stored), attempt.signal),
            ),
          ),
        );
        // A few short transactions; the watched attempt beats.
        // eslint-disable-next-line temporal/activity-heartbeat-in-long-loops
        for (const exchange of derived) {
          attempt.signal?.throwIfAborted();
          if (exchange) await unlessItFails(exchange.exchangeId, () => renewExchange(pool, key, exchange));
        }
      };
      try {
        let last: OldExchange | undefined;
        // The watched attempt beats.
        // eslint-disable-next-line temporal/activity-heartbeat-in-long-loops
        for await (const group of readInGroups(pool, tenantId, places)) {
          if (last && slice.isFull()) return { after: last };
          await renew(group);
          last = group.at(-1)?.place;
        }
        return { after: places.at(-1) ?? null };
      } finally {
        attempt.end();
      }
    },

    /** Ends a reindex, and says what is older still: what could not be renewed, or has come since. */
    async finishReindex(key: ReindexKey): Promise<ReindexProgress | null> {
      const found = await underWay(key);
      if (found) await endReindex(pool, key, await countOld(found));
      const ended = await findReindex(pool, key.tenantId);
      return ended?.reindexId === key.reindexId ? ended : null;
    },
  };
}

async function derivedAnew(
  stored: StoredExchange,
  by: Embed,
  signal: AbortSignal | undefined,
): Promise<NewExchange> {
  const { place, scope, user, reply, createdAt, known } = stored;
  const texts = { user: user?.text ?? '', reply: reply?.text ?? '' };
  const { passages } = await embedExchangeTexts(texts, known, by);
  const derived = await derive({ ...scope, signal }, { ...texts, createdAt, passages });
  return { ...scope, exchangeId: place.exchangeId, user, reply, createdAt, passages, derived };
}

/** One exchange that can't be derived holds up no other: it stays as it is. */
async function unlessItFails<T>(exchangeId: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isItsOwn(error)) throw error;
    asyncLocalStorage.getStore()?.log.warn('an exchange could not be derived anew', {
      exchangeId,
      error: errorName(error),
    });
    return undefined;
  }
}

/** Postgres' classes of errors that are in the data: wrong values, broken rules, more than a row holds. */
const IN_THE_DATA = /^(?:22|23|54)/;

/** Whether an exchange's contents make it fail, every time. After any other failure the step is repeated. */
function isItsOwn(error: unknown): boolean {
  if (error instanceof InvalidEmbeddingError) return true;
  if (!Error.isError(error)) return false;
  if ('code' in error) return IN_THE_DATA.test(String(error.code));
  return error.name === 'RangeError' || error.name === 'TypeError';
}
