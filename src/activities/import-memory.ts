import { activityInfo, ApplicationFailure, asyncLocalStorage } from '@temporalio/activity';
import { validate as isUuid } from 'uuid';
import { inTenant } from '../db/tenant-transaction.ts';
import { InvalidEmbeddingError } from '../domain/embedding.ts';
import { FAILURE } from '../domain/failures.ts';
import { exchangeLine, windowLines, type ExportedExchange } from '../memory/transfer/format.ts';
import {
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
import { watchAttempt } from './watch-attempt.ts';

/** The model's queue takes a bounded number of texts of a tenant, and its messages need room there too. */
const EXCHANGES_AT_ONCE = 8;
/** An import is committed right after its workflow's start; one that isn't there by then never comes. */
const THERE_WITHIN_MS = 60_000;

/**
 * The steps of an import. Their input names an import and nothing else: what is stored, and where, is what
 * the API has staged for a key of that tenant.
 */
export function createImportMemory({
  pool,
  redis,
  embedder,
}: Pick<ActivityDependencies, 'pool' | 'redis' | 'embedder'>) {
  const scopeOf = async (key: ImportKey) => {
    if (![key.tenantId, key.importId].every((id) => isUuid(id))) throw notThere({ isFinal: true });
    const found = await findImport(pool, key);
    const waitedMs = Date.now() - activityInfo().scheduledTimestampMs;
    if (!found) throw notThere({ isFinal: waitedMs > THERE_WITHIN_MS });
    return { tenantId: key.tenantId, agentId: found.agentId, userId: found.userId };
  };

  return {
    /**
     * Stores the next exchanges of an import that the scope doesn't have, and takes them out of the staging
     * in the same transaction. Gives how many lines it went through: 0 at the end.
     */
    async importSlice(key: ImportKey): Promise<{ lines: number }> {
      const scope = await scopeOf(key);
      const staged = (await nextLines(pool, key)).map(({ line, content }) => ({
        line,
        ...exchangeLine.parse(JSON.parse(content)),
      }));
      const attempt = watchAttempt();
      const { tenantId, userId } = scope;
      const embed = (text: string) =>
        embedder.embed(text, { tenantId, userId, priority: 'backfill', signal: attempt.signal });
      try {
        const unknown = await withoutKnown(pool, scope, staged);
        const embedded = await embedAll(unknown, embed);
        await inTenant(pool, tenantId, async (client) => {
          const all = staged.map(({ line }) => line);
          const taken = await takeLines(client, key, all);
          const own = embedded.filter(({ line }) => taken.has(line));
          await storeExchanges(
            client,
            scope,
            own.map(({ exchange }) => exchange),
          );
          await countStored(client, key, own.length);
        });
        return { lines: staged.length };
      } finally {
        attempt.end();
      }
    },

    /** Gives the scope the imported window, unless a conversation goes on in it, and ends the import. */
    async finishImport(key: ImportKey): Promise<{ exchanges: number; stored: number }> {
      const scope = await scopeOf(key);
      await finishImport(pool, key, async (staged) => {
        const messages = windowLines.parse(JSON.parse(staged));
        const window = messages.map(({ role, text, exchange }) => ({
          role,
          content: text,
          ...(exchange !== undefined && { messageId: exchange }),
        }));
        await fillEmptyWindow(redis, scope, window);
      });
      const { exchanges = 0, stored = 0 } = (await findImport(pool, key)) ?? {};
      return { exchanges, stored };
    },
  };
}

type Staged = ExportedExchange & { line: number };

/** Those exchanges that have embeddings then. One of which the model can make none is left out. */
async function embedAll(
  exchanges: readonly Staged[],
  embed: (text: string) => Promise<ArrayLike<number>>,
): Promise<Array<{ line: number; exchange: EmbeddedExchange }>> {
  const embedOne = async ({ line, ...exchange }: Staged) => {
    try {
      return [{ line, exchange: await embedExchange(exchange.id, exchange, embed) }];
    } catch (error) {
      if (error instanceof InvalidEmbeddingError) return [];
      throw error;
    }
  };
  const embedded = [];
  for (let from = 0; from < exchanges.length; from += EXCHANGES_AT_ONCE) {
    asyncLocalStorage.getStore()?.heartbeat();
    const some = exchanges.slice(from, from + EXCHANGES_AT_ONCE);
    embedded.push(...(await Promise.all(some.map(embedOne))).flat());
  }
  return embedded;
}

function notThere({ isFinal }: { isFinal: boolean }): ApplicationFailure {
  return ApplicationFailure.create({
    type: FAILURE.importNotThere,
    message: 'there is no such import',
    nonRetryable: isFinal,
  });
}
