import type pg from 'pg';
import type { RecallSettings } from '../../domain/agent.ts';
import type { Recollection, Scope } from '../../domain/conversation.ts';
import { toUnit } from '../../domain/embedding.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import { orderCandidates, withinBudget } from '../ranking/choose.ts';
import { rank } from '../ranking/rank.ts';
import { matchOf, scorePassages, type QueryFacts, type ScoredPassage } from '../ranking/score.ts';
import { firstPersonOf } from '../text/questions.ts';
import { isMostlyLatin } from '../text/search-text.ts';
import { toQueryMasks } from '../text/search-terms.ts';
import { wordsOf } from '../text/terms.ts';
import { timeRangeOf } from '../text/time-range.ts';
import { findAdjacentMessages } from './adjacent-messages.ts';
import type { PromptContents } from './beside-window.ts';
import { findCandidates, withoutShown } from './candidates.ts';
import { round, toMiss, toRecalled } from './recollection.ts';
import { scanScope } from './scan-scope.ts';

/** A question to long-term memory, and what the prompt already shows. */
export type RecallQuery = PromptContents & {
  text: string;
  /** The text's embedding, 384 finite numbers. */
  embedding: readonly number[];
  /** When it was asked: "last week" is relative to it. */
  askedAt: Date;
  /**
   * Display names of the user and the agent, where they are known. They are no search terms: the two speak
   * in every exchange of the scope, so their names distinguish nothing.
   */
  speakers: readonly string[];
};

/**
 * Recall for the prompt: the scope's `topK` exchanges that fit the query best by meaning and by words, with
 * adjacent messages as far as the word budget allows. Recalls nothing when the best exchange is below the
 * agent's threshold. Exact: it compares every exchange of the scope (up to `SCAN_LIMIT`). docs/MEMORY.md
 * explains the rule and how it was measured. Throws `InvalidEmbeddingError`.
 */
export async function recall(
  pool: pg.Pool,
  scope: Scope,
  query: RecallQuery,
  settings: RecallSettings,
): Promise<Recollection> {
  const vector = `[${toUnit(query.embedding).join(',')}]`;
  if (settings.topK <= 0) return NOTHING;
  const names = new Set(wordsOf(query.speakers.join(' '), 'asked').map(({ word }) => word));
  const asked = wordsOf(query.text, 'asked');
  const { masks, words } = toQueryMasks(asked.filter(({ word }) => !names.has(word)));
  const facts: QueryFacts = {
    words,
    range: timeRangeOf(query.text, query.askedAt),
    mostlyLatin: isMostlyLatin(query.text),
    namesSpeaker: asked.some(({ word }) => names.has(word)),
    firstPerson: firstPersonOf(query.text),
  };
  return inTenant(pool, scope.tenantId, async (client) => {
    const scanned = await scanScope(client, scope, vector, masks);
    const scored = scorePassages(scanned, facts, settings.cosineWeight);
    const ranked = rank(scored, query.exclude);
    const belowThreshold = (match: number, [best]: readonly ScoredPassage[]): Recollection | null =>
      match < settings.threshold ? { recalled: [], match, nearestMiss: toMiss(best, 'threshold') } : null;
    const noMatch = belowThreshold(round(matchOf(ranked, facts)), ranked);
    if (noMatch) return noMatch;
    const { examined, texts, candidates } = await findCandidates(client, scope, query, {
      vector,
      ranked,
      topK: settings.topK,
    });
    // An old message with the same words as one in the window must
    // not lift unrelated exchanges over the threshold.
    const left = withoutShown(ranked, examined, candidates);
    const match = round(matchOf(left, facts));
    const noOtherMatch = belowThreshold(match, left);
    if (noOtherMatch) return noOtherMatch;
    const ordered = orderCandidates(candidates, settings.topK);
    const hits = withinBudget(ordered, settings.topK, settings.maxWords);
    const adjacent = await findAdjacentMessages(client, scope, query, { scored, hits, settings });
    const missed = ordered.find((candidate) => !hits.includes(candidate));
    return {
      recalled: toRecalled(hits, adjacent, texts),
      match,
      nearestMiss: toMiss(missed, hits.length < settings.topK ? 'words' : 'topK'),
    };
  });
}

const NOTHING: Recollection = { recalled: [], match: 0, nearestMiss: null };
