import type pg from 'pg';
import type { RecallSettings } from '../../domain/agent.ts';
import type { NearestMiss, RecalledMemory, Recollection, Scope } from '../../domain/conversation.ts';
import type { Standing } from './beside-window.ts';
import { toUnit } from '../../domain/embedding.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import { LABEL_WORDS, orderCandidates, withinBudget, wordsOf, type Candidate } from '../ranking/choose.ts';
import { isFirstPerson } from '../text/questions.ts';
import { rank, withSpareQuestions } from '../ranking/rank.ts';
import {
  matchOf,
  sameSession,
  scorePassages,
  type QueryFacts,
  type ScoredPassage,
  type ScoredScope,
} from '../ranking/score.ts';
import { isMostlyLatin } from '../text/search-text.ts';
import { timeRangeOf } from '../text/time-range.ts';
import { countWords } from '../text/words.ts';
import {
  findTexts,
  passageKey,
  scanScope,
  withDashes,
  type PassageTexts,
  type QuotedMessage,
} from './scan-scope.ts';
import { termsOf, toQueryMasks } from '../text/search-terms.ts';

/** What is asked, and what the prompt holds already. */
export type RecallQuery = Standing & {
  text: string;
  /** The text's embedding, 384 finite numbers. */
  embedding: readonly number[];
  /** When it was asked: "last week" counts from here. */
  askedAt: Date;
  /** Display names of the user and the agent, as far as known. Every exchange is theirs: as words they tell nothing. */
  speakers: readonly string[];
};

/**
 * Recall for the prompt: the `topK` exchanges of the scope that fit a query best by meaning and by words,
 * with the messages beside them as far as the word budget goes, or nothing when even the best falls under the
 * agent's threshold. Exact: every exchange of the scope is compared (see `SCAN_LIMIT`). docs/MEMORY.md
 * explains the rule and how well it does. Throws `InvalidEmbeddingError`.
 */
export async function recall(
  pool: pg.Pool,
  scope: Scope,
  query: RecallQuery,
  settings: RecallSettings,
): Promise<Recollection> {
  const vector = `[${toUnit(query.embedding).join(',')}]`;
  if (settings.topK <= 0) return NOTHING;
  return inTenant(pool, scope.tenantId, async (client) => {
    const [asked = [], names = []] = await termsOf(client, [query.text, query.speakers.join(' ')], 'asked');
    const terms = asked.filter((term) => !names.includes(term));
    const { masks, termCount } = toQueryMasks(terms);
    const scanned = await scanScope(client, scope, vector, masks);
    const facts: QueryFacts = {
      termCount,
      range: timeRangeOf(query.text, query.askedAt),
      mostlyLatin: isMostlyLatin(query.text),
      namesSpeaker: terms.length < asked.length,
      firstPerson: isFirstPerson(query.text),
    };
    const scored = scorePassages(scanned, facts, settings.cosineWeight);
    const ranked = rank(scored, query.exclude);
    const tooFar = (match: number, [best]: readonly ScoredPassage[]): Recollection | null =>
      match < settings.threshold ? { recalled: [], match, nearestMiss: toMiss(best, 'threshold') } : null;
    const nothingNear = tooFar(round(matchOf(ranked, facts)), ranked);
    if (nothingNear) return nothingNear;
    const { looked, texts, candidates } = await findCandidates(client, scope, query, {
      vector,
      ranked,
      topK: settings.topK,
    });
    // What was said again and stands in the window is no reason to recall anything else.
    const left = without(ranked, looked, candidates);
    const match = round(matchOf(left, facts));
    const nothingElseNear = tooFar(match, left);
    if (nothingElseNear) return nothingElseNear;
    const ordered = orderCandidates(candidates);
    const hits = withinBudget(ordered, settings.topK, settings.maxWords);
    const beside = await messagesBeside(client, scope, query, { scored, hits, settings });
    const missed = ordered.find((candidate) => !hits.includes(candidate));
    return {
      recalled: toRecalled(hits, beside, texts),
      match,
      nearestMiss: toMiss(missed, hits.length < settings.topK ? 'words' : 'topK'),
    };
  });
}

const NOTHING: Recollection = { recalled: [], match: 0, nearestMiss: null };

/** The ranked ones but those of the `looked` at that are no candidates: their words stand in the window. */
function without(
  ranked: readonly ScoredPassage[],
  looked: readonly ScoredPassage[],
  candidates: readonly Candidate[],
): readonly ScoredPassage[] {
  if (candidates.length === looked.length) return ranked;
  const kept = new Set(candidates.map(({ exchangeId }) => exchangeId));
  const shown = new Set(looked.map(({ exchangeId }) => exchangeId).filter((id) => !kept.has(id)));
  return ranked.filter(({ exchangeId }) => !shown.has(exchangeId));
}

/**
 * The best of the ranked with their texts. What was said again and stands in the window is no candidate; where that
 * leaves too few, the next best are looked at too, once.
 */
async function findCandidates(
  client: pg.PoolClient,
  scope: Scope,
  query: RecallQuery,
  { vector, ranked, topK }: { vector: string; ranked: readonly ScoredPassage[]; topK: number },
) {
  const look = async (among: readonly ScoredPassage[]) => {
    const looked = withSpareQuestions(among, topK);
    const texts = await findTexts(client, scope, looked, vector);
    return { looked, texts, candidates: looked.flatMap((passage) => toCandidate(passage, texts, query)) };
  };
  const first = await look(ranked);
  if (first.candidates.length >= topK || first.candidates.length === first.looked.length) return first;
  const already = new Set(first.looked);
  const second = await look(ranked.filter((passage) => !already.has(passage)));
  return {
    looked: [...first.looked, ...second.looked],
    texts: new Map([...first.texts, ...second.texts]),
    candidates: [...first.candidates, ...second.candidates],
  };
}

function toCandidate(
  passage: ScoredPassage,
  texts: Map<string, PassageTexts>,
  query: RecallQuery,
): Candidate[] {
  const { user, reply } = unshown(passage, texts, query);
  if (!user && !reply) return [];
  return [
    {
      ...passage,
      userText: user?.content ?? '',
      replyText: reply?.content ?? '',
      userCosine: user?.cosine ?? 0,
      userEmbedding: user?.embedding ?? [],
    },
  ];
}

/** What of a passage doesn't stand in the window, neither itself nor the same words: a fact that was just repeated needs no quotation. */
function unshown(
  passage: ScoredPassage,
  texts: ReadonlyMap<string, PassageTexts>,
  { shown }: RecallQuery,
): PassageTexts {
  const { user, reply } = texts.get(passageKey(passage)) ?? {};
  const id = withDashes(passage.exchangeId);
  const stands = (role: string, { content }: QuotedMessage) =>
    shown.some((other) => other.role === role && (other.messageId === id || other.content === content));
  return {
    ...(user && !stands('user', user) && { user }),
    ...(reply && !stands('assistant', reply) && { reply }),
  };
}

type Beside = { hit: Candidate; passage: ScoredPassage; role: 'user' | 'assistant'; message: QuotedMessage };

/**
 * The message that followed each hit, then the one before it, as long as all words stay within the agent's
 * fill budget: a question's evidence often goes on in the next message.
 */
async function messagesBeside(
  client: pg.PoolClient,
  scope: Scope,
  query: RecallQuery,
  found: { scored: ScoredScope; hits: Candidate[]; settings: RecallSettings },
): Promise<Beside[]> {
  const { scored, hits, settings } = found;
  let left = settings.fillWords - hits.reduce((sum, hit) => sum + wordsOf(hit), 0);
  if (left <= LABEL_WORDS) return [];
  const taken = new Set([
    ...hits.map(({ exchangeId }) => exchangeId),
    ...query.exclude.map((id) => id.replaceAll('-', '')),
  ]);
  const wanted = ([1, -1] as const).flatMap((step) =>
    hits.flatMap((hit) => {
      const passage = neighbourOf(scored, hit, step);
      return passage && !taken.has(passage.exchangeId) ? [{ hit, passage, step }] : [];
    }),
  );
  const texts = await findTexts(
    client,
    scope,
    wanted.map(({ passage }) => passage),
  );
  const beside: Beside[] = [];
  for (const { hit, passage, step } of wanted) {
    const role = step > 0 ? 'user' : 'assistant';
    const beyond = unshown(passage, texts, query);
    const message = step > 0 ? beyond.user : beyond.reply;
    if (!message) continue;
    const isTheSame = (other: Beside) =>
      other.role === role && passageKey(other.passage) === passageKey(passage);
    if (beside.some(isTheSame)) continue;
    const words = countWords(message.content) + LABEL_WORDS;
    if (words > left) continue;
    beside.push({ hit, passage, role, message });
    left -= words;
  }
  return beside;
}

/** The passage right after (step 1) or before (−1) another in the same session, of another exchange. */
function neighbourOf(scored: ScoredScope, hit: Candidate, step: 1 | -1): ScoredPassage | undefined {
  const other = scored.passageAt(hit.place + step);
  if (!other || other.exchangeId === hit.exchangeId) return undefined;
  return sameSession(Math.min(hit.at, other.at), Math.max(hit.at, other.at)) ? other : undefined;
}

/** As the receipt shows it and the prompt quotes it: hits best first, each followed by what stood beside it. */
function toRecalled(hits: Candidate[], beside: Beside[], texts: Map<string, PassageTexts>): RecalledMemory[] {
  return hits.flatMap((hit, i) => {
    const { user, reply } = texts.get(passageKey(hit)) ?? {};
    const own = [
      ...(user && hit.userText !== '' ? [{ role: 'user' as const, message: user }] : []),
      ...(reply && hit.replyText !== '' ? [{ role: 'assistant' as const, message: reply }] : []),
    ];
    const around = beside.filter((other) => other.hit === hit);
    return [
      ...own.map(({ role, message }) => ({ ...toMemory(hit, role, message), rank: i + 1 })),
      ...around.map(({ passage, role, message }) => ({ ...toMemory(passage, role, message), beside: i + 1 })),
    ];
  });
}

function toMemory(passage: ScoredPassage, role: 'user' | 'assistant', message: QuotedMessage) {
  return {
    content: message.content,
    role,
    score: round(passage.total),
    cosine: round(passage.cosine),
    lexical: round(passage.lexical),
    createdAt: message.createdAt,
    exchangeId: withDashes(passage.exchangeId),
  };
}

function toMiss(passage: ScoredPassage | undefined, why: NearestMiss['why']): NearestMiss | null {
  return passage
    ? {
        exchangeId: withDashes(passage.exchangeId),
        createdAt: new Date(passage.at).toISOString(),
        cosine: round(passage.cosine),
        lexical: round(passage.lexical),
        score: round(passage.total),
        why,
      }
    : null;
}

/** Four digits tell all, and the receipt stays small in the workflow's history. */
const round = (value: number): number => Math.round(value * 10_000) / 10_000;
