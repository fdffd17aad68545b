import { MEMORY_WITHIN_MS } from '../../domain/timing.ts';
import type pg from 'pg';
import type { RecallSettings } from '../../domain/agent.ts';
import type { Recollection, Scope } from '../../domain/conversation.ts';
import { assertEmbedding, toUnit } from '../../domain/embedding.ts';
import { inTurns } from '../../lib/in-turns.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import { orderCandidates } from '../ranking/choose.ts';
import { rank } from '../ranking/rank.ts';
import {
  matchOf,
  scorePassages,
  type QueryFacts,
  type ScoredPassage,
  type ScoredScope,
} from '../ranking/score.ts';
import type { SpeakerNames } from '../text/names.ts';
import { findAdjacentMessages } from './adjacent-messages.ts';
import type { PromptContents } from './beside-window.ts';
import { findCandidates } from './candidates.ts';
import { newTextBudget } from './passage-texts.ts';
import { withinBudget } from './quotable.ts';
import { findQuotable } from './quote.ts';
import { round, toMiss, toRecalled } from './recollection.ts';
import { readQuestion, type ReadQuestion } from './read-question.ts';
import { scanScope } from './scan-scope.ts';

/** A question to long-term memory. */
export type RecallQuery = {
  text: string;
  /** The text's embedding, 384 finite numbers: earlier questions are compared with it. */
  embedding: readonly number[];
  /** The same in the first person, where that differs: what was said is compared with both. */
  inFirstPerson?: readonly number[] | undefined;
  /** When it was asked: "last week" is relative to it. */
  askedAt: Date;
  /**
   * Display names of the user and the agent, where they are known. They are no search terms: the two speak
   * in every exchange of the scope, so their names distinguish nothing.
   */
  speakers: SpeakerNames;
};

/** Whose memory is asked, and how. */
export type RecallFrom = {
  scope: Scope;
  settings: RecallSettings;
  /** Asked while the scope is compared: without time for more of it, what was compared has to do. */
  hasTime?: (() => boolean) | undefined;
  /** Aborted when nobody waits for it any more: it ends before its next step. */
  signal?: AbortSignal | undefined;
};

/** Looks for what fits a question beside what the prompt already shows. */
export type Search = (inPrompt: PromptContents) => Promise<Recollection>;

/**
 * Recall for the prompt: the scope's `topK` exchanges that fit the query best by meaning and by words, with
 * adjacent messages as far as the word budget allows. Recalls nothing when the best exchange is below the
 * agent's threshold. Exact: it compares every exchange of the scope, as far as `SCAN_LIMITS` lets it.
 * However often `use` searches, the scope is compared once. docs/MEMORY.md explains the rule and how it was
 * measured. Throws `InvalidEmbeddingError`, and the signal's reason.
 */
export async function recall(
  pool: pg.Pool,
  { scope, settings, hasTime, signal }: RecallFrom,
  query: RecallQuery,
  use: (search: Search) => Promise<Recollection>,
): Promise<Recollection> {
  if (settings.topK <= 0) return use(() => Promise.resolve(NOTHING));
  // Before anything is sent: it may not be one.
  assertEmbedding(query.embedding);
  const read = await readQuestion({ ...scope, signal }, query);
  return inTenant(
    pool,
    scope.tenantId,
    async (client) => {
      const compared = await compareScope(client, { scope, settings, hasTime, signal }, query, read);
      const found = await use((inPrompt) =>
        choose(
          client,
          { scope, settings, signal },
          { ...compared, ...read, speakers: query.speakers },
          inPrompt,
        ),
      );
      return compared.isPart ? { ...found, comparedNewest: compared.scored.totals.length } : found;
    },
    // A passage that a reindex replaces meanwhile is quoted as it was compared.
    { statementWithinMs: MEMORY_WITHIN_MS, ofOneMoment: true },
  );
}

/**
 * Compares a query with a scope. `vector`: the query's, as a literal. `isPart`: the scope has older passages
 * than were compared.
 */
export async function compareScope(
  client: pg.PoolClient,
  { scope, settings, hasTime, signal }: RecallFrom,
  query: Pick<RecallQuery, 'embedding' | 'inFirstPerson'>,
  { masks, facts }: ReadQuestion,
): Promise<{ scored: ScoredScope; vector: string; isPart: boolean }> {
  const vector = toVector(query.embedding);
  const vectors = [vector, ...(query.inFirstPerson ? [toVector(query.inFirstPerson)] : [])];
  const by = { tenantId: scope.tenantId, signal };
  const { scanned, isPart } = await scanScope(client, scope, { vectors, masks, hasTime });
  const scored = await inTurns(scorePassages(scanned, facts, settings.cosineWeight), by);
  return { scored, vector, isPart };
}

/** So many exchanges are quoted with what stands beside them, before others are. */
const SURROUNDED = 3;

/** What is chosen of a scored scope. */
async function choose(
  client: pg.PoolClient,
  { scope, settings, signal }: RecallFrom,
  from: {
    scored: ScoredScope;
    facts: QueryFacts;
    pieces: ReadonlySet<string>;
    vector: string;
    speakers: SpeakerNames;
  },
  inPrompt: PromptContents,
): Promise<Recollection> {
  const { scored, facts, pieces, vector, speakers } = from;
  const { topK } = settings;
  const by = { tenantId: scope.tenantId, signal };
  const ranked = await inTurns(rank(scored, inPrompt.exclude), by);
  const belowThreshold = (match: number, [best]: readonly ScoredPassage[]): Recollection | null =>
    match < settings.threshold ? { recalled: [], match, nearestMiss: toMiss(best, 'threshold') } : null;
  const noMatch = belowThreshold(round(matchOf(ranked, facts, scored.totals.length)), ranked);
  if (noMatch) return noMatch;
  const budget = newTextBudget();
  const wanted = { scored, question: pieces, vector, ranked, topK, budget, signal };
  const { examined, texts, candidates } = await findCandidates(client, scope, inPrompt, wanted);
  // An old message with the same words as one in the window, or the question itself asked before,
  // must not lift unrelated exchanges over the threshold.
  const left = candidates.length === examined.length ? ranked : candidates;
  const match = round(matchOf(left, facts, scored.totals.length));
  const noOtherMatch = belowThreshold(match, left);
  if (noOtherMatch) return noOtherMatch;
  const ordered = await inTurns(orderCandidates(candidates, topK), by);
  const shared = { scored, settings, budget, speakers, signal };
  const quotable = await findQuotable(client, scope, inPrompt, { ...shared, ordered, texts });
  // What stands beside the best says more than what is the best of others.
  const best = withinBudget(quotable, Math.min(topK, SURROUNDED), settings.maxWords);
  const adjacent = await findAdjacentMessages(client, scope, inPrompt, { ...shared, hits: best });
  const wordsBeside = adjacent.reduce((sum, { words }) => sum + words, 0);
  const hits = withinBudget(quotable, topK, settings.maxWords, { quoted: best, wordsBeside });
  const quoted = new Set(hits.map(({ exchangeId }) => exchangeId));
  const missed = ordered.find(({ exchangeId }) => !quoted.has(exchangeId));
  return {
    recalled: toRecalled(hits, adjacent),
    match,
    nearestMiss: toMiss(missed, quoted.size < topK ? 'words' : 'topK'),
  };
}

function toVector(embedding: readonly number[]): string {
  return `[${toUnit(embedding).join(',')}]`;
}

const NOTHING: Recollection = { recalled: [], match: 0, nearestMiss: null };
