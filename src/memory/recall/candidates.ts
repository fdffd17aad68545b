import type pg from 'pg';
import type { Scope } from '../../domain/conversation.ts';
import type { Candidate } from '../ranking/choose.ts';
import { limitQuestions } from '../ranking/rank.ts';
import type { ScoredPassage } from '../ranking/score.ts';
import type { PromptContents } from './beside-window.ts';
import { findTexts, passageKey, withDashes, type PassageTexts, type QuotedMessage } from './scan-scope.ts';

/** The passages whose texts were fetched, their texts by `passageKey`, and those that may be quoted. */
export type Examined = {
  examined: ScoredPassage[];
  texts: Map<string, PassageTexts>;
  candidates: Candidate[];
};

/**
 * Fetches the texts of the best ranked passages. A passage whose words are all in the prompt is no candidate.
 * When that leaves fewer than `topK`, the next best passages are examined as well, once.
 * @param from.ranked best first
 */
export async function findCandidates(
  client: pg.PoolClient,
  scope: Scope,
  inPrompt: PromptContents,
  from: { vector: string; ranked: readonly ScoredPassage[]; topK: number },
): Promise<Examined> {
  const { vector, ranked, topK } = from;
  const examine = async (passages: readonly ScoredPassage[]): Promise<Examined> => {
    const examined = limitQuestions(passages, topK);
    const texts = await findTexts(client, scope, examined, vector);
    const candidates = examined.flatMap((passage) => toCandidate(passage, texts, inPrompt));
    return { examined, texts, candidates };
  };
  const first = await examine(ranked);
  if (first.candidates.length >= topK || first.candidates.length === first.examined.length) return first;
  const already = new Set(first.examined);
  const second = await examine(ranked.filter((passage) => !already.has(passage)));
  return {
    examined: [...first.examined, ...second.examined],
    texts: new Map([...first.texts, ...second.texts]),
    candidates: [...first.candidates, ...second.candidates],
  };
}

/**
 * The ranked passages without the examined ones that are no candidates: the prompt shows their words already.
 */
export function withoutShown(
  ranked: readonly ScoredPassage[],
  examined: readonly ScoredPassage[],
  candidates: readonly Candidate[],
): readonly ScoredPassage[] {
  if (candidates.length === examined.length) return ranked;
  const candidateIds = new Set(candidates.map(({ exchangeId }) => exchangeId));
  const shownIds = new Set(
    examined.map(({ exchangeId }) => exchangeId).filter((id) => !candidateIds.has(id)),
  );
  return ranked.filter(({ exchangeId }) => !shownIds.has(exchangeId));
}

function toCandidate(
  passage: ScoredPassage,
  texts: Map<string, PassageTexts>,
  inPrompt: PromptContents,
): Candidate[] {
  const { user, reply } = notInPrompt(passage, texts, inPrompt);
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

/**
 * A passage's messages that the prompt doesn't show yet. A message counts as
 * shown when it is in the window itself, or when the window has the same words
 * from the same speaker: a fact that was just repeated needs no quotation.
 */
export function notInPrompt(
  passage: ScoredPassage,
  texts: ReadonlyMap<string, PassageTexts>,
  { shown }: PromptContents,
): PassageTexts {
  const { user, reply } = texts.get(passageKey(passage)) ?? {};
  const id = withDashes(passage.exchangeId);
  const isShown = (role: string, { content }: QuotedMessage) =>
    shown.some((other) => other.role === role && (other.messageId === id || other.content === content));
  return {
    ...(user && !isShown('user', user) && { user }),
    ...(reply && !isShown('assistant', reply) && { reply }),
  };
}
