import { activityInfo, ApplicationFailure } from '@temporalio/activity';
import { validate as isUuid } from 'uuid';
import { inTenant } from '../db/tenant-transaction.ts';
import { InvalidEmbeddingError } from '../domain/embedding.ts';
import { FAILURE } from '../domain/failures.ts';
import type { ApartOwner } from '../lib/apart.ts';
import { beginSlice, inGroups } from '../memory/embedding/model-slices.ts';
import type { Embed } from '../memory/long-term/exchange-passages.ts';
import { exchangeLine, windowLines, type ExportedExchange } from '../memory/transfer/format.ts';
import {
  beginTry,
  countStored,
  findImport,
  finishImport,
  nextLines,
  takeLines,
  type ImportKey,
} from '../memory/transfer/staged-imports.ts';
import {
  embedExchange,
  storeExchanges,
  withoutKnown,
  type EmbeddedExchange,
} from '../memory/transfer/store-imported.ts';
import { fillEmptyWindow } from '../memory/window/edit-window.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { notYet } from './not-yet.ts';
import { heartbeat, watchAttempt } from './watch-attempt.ts';

/** An import is committed right after its workflow's start; one that isn't there by then never comes. */
const THERE_WITHIN_MS = 60_000;

/**
 * The steps of an import. Their input names an import and nothing else: what is stored, and where, is what
 * the API has staged for a key of that tenant.
 */
export function createImportMemory({
  pool,
  redis,
  windowBytes,
  embedder,
}: Pick<ActivityDependencies, 'pool' | 'redis' | 'windowBytes' | 'embedder'>) {
  const scopeOf = async (key: ImportKey) => {
    if (![key.tenantId, key.importId].every((id) => isUuid(id))) throw notThere({ isFinal: true });
    const found = await findImport(pool, key);
    const waitedMs = Date.now() - activityInfo().scheduledTimestampMs;
    if (!found) throw notThere({ isFinal: waitedMs > THERE_WITHIN_MS });
    return { tenantId: key.tenantId, agentId: found.agentId, userId: found.userId };
  };

  /**
   * Stores the next exchanges of an import that the scope doesn't have, and takes them out of the staging,
   * some in each transaction: a try that breaks off has stored those before. Gives how many lines it went
   * through: 0 at the end, and 0 when there were enough tries in vain, which ends the import.
   */
  const importSlice = async (key: ImportKey): Promise<{ lines: number }> => {
    const scope = await scopeOf(key);
    if (!(await beginTry(pool, key))) return { lines: 0 };
    const staged = (await nextLines(pool, key)).map(({ line, content, exchangeId }) => ({
      line,
      ...exchangeLine.parse(JSON.parse(content)),
      id: exchangeId,
    }));
    const attempt = watchAttempt();
    const { tenantId, userId } = scope;
    const request = { tenantId, userId, priority: 'backfill', signal: attempt.signal } as const;
    const slice = beginSlice(embedder);
    const by = slice.embedFor(request);
    const storeGroup = async (group: readonly Staged[]): Promise<void> => {
      const unknown = await withoutKnown(pool, scope, group);
      const embedded = await embedAll(request, unknown, by);
      await inTenant(pool, tenantId, async (client) => {
        const taken = await takeLines(
          client,
          key,
          group.map(({ line }) => line),
        );
        const own = embedded.filter(({ line }) => taken.has(line)).map(({ exchange }) => exchange);
        await storeExchanges(client, scope, own);
        await countStored(client, key, own.length);
      });
    };
    let lines = 0;
    try {
      // The watched attempt beats.
      // eslint-disable-next-line temporal/activity-heartbeat-in-long-loops
      for (const group of inGroups(staged, lengthOf)) {
        if (slice.isFull()) break;
        await storeGroup(group);
        lines += group.length;
      }
      return { lines };
    } finally {
      attempt.end();
    }
  };

  return {
    importSlice,

    /**
     * Gives the scope the imported window, unless a conversation goes on in it, and ends the import. It takes
     * no step's word that all is stored: their results came through Temporal, where anybody may have answered
     * in their place. Lines that are left are stored first.
     */
    async finishImport(key: ImportKey): Promise<{ exchanges: number; stored: number }> {
      const scope = await scopeOf(key);
      const giveWindow = async (staged: string): Promise<void> => {
        const messages = windowLines.parse(JSON.parse(staged));
        const window = messages.map(({ role, text, exchange }) => ({
          role,
          content: text,
          ...(exchange !== undefined && { messageId: exchange }),
        }));
        await fillEmptyWindow(redis, scope, window, windowBytes);
      };
      while (!(await finishImport(pool, key, giveWindow))) {
        heartbeat();
        await importSlice(key);
      }
      const { exchanges = 0, stored = 0 } = (await findImport(pool, key)) ?? {};
      return { exchanges, stored };
    },
  };
}

type Staged = ExportedExchange & { line: number };

const lengthOf = ({ messages }: Staged): number => messages.reduce((sum, { text }) => sum + text.length, 0);

/** Those exchanges that have embeddings then. One of which the model can make none is left out. */
async function embedAll(
  owner: ApartOwner,
  exchanges: readonly Staged[],
  by: Embed,
): Promise<Array<{ line: number; exchange: EmbeddedExchange }>> {
  const embedOne = async ({ line, ...exchange }: Staged) => {
    try {
      return [{ line, exchange: await embedExchange(owner, exchange, by) }];
    } catch (error) {
      if (error instanceof InvalidEmbeddingError) return [];
      throw error;
    }
  };
  return (await Promise.all(exchanges.map(embedOne))).flat();
}

function notThere({ isFinal }: { isFinal: boolean }): ApplicationFailure {
  const message = 'there is no such import';
  const type = FAILURE.importNotThere;
  return isFinal ? ApplicationFailure.nonRetryable(message, type) : notYet({ message, type });
}
