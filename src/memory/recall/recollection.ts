import type { NearestMiss, RecalledMemory, Role } from '../../domain/conversation.ts';
import type { Candidate } from '../ranking/choose.ts';
import type { ScoredPassage } from '../ranking/score.ts';
import type { AdjacentMessage } from './adjacent-messages.ts';
import { passageKey, withDashes, type PassageTexts, type QuotedMessage } from './passage-texts.ts';

/** What the receipt shows and the prompt quotes: hits best first, each followed by its adjacent messages. */
export function toRecalled(
  hits: readonly Candidate[],
  adjacent: readonly AdjacentMessage[],
  texts: ReadonlyMap<string, PassageTexts>,
): RecalledMemory[] {
  return hits.flatMap((hit, i) => {
    const { user, reply } = texts.get(passageKey(hit)) ?? {};
    const own = [
      ...(user && hit.userText !== '' ? [{ role: 'user' as const, message: user }] : []),
      ...(reply && hit.replyText !== '' ? [{ role: 'assistant' as const, message: reply }] : []),
    ];
    const around = adjacent.filter((other) => other.hit === hit);
    return [
      ...own.map(({ role, message }) => ({ ...toMemory(hit, role, message), rank: i + 1 })),
      ...around.map(({ passage, role, message }) => ({ ...toMemory(passage, role, message), beside: i + 1 })),
    ];
  });
}

function toMemory(passage: ScoredPassage, role: Role, message: QuotedMessage): RecalledMemory {
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

/** The best exchange that was not recalled, with the reason; null when there is none. */
export function toMiss(passage: ScoredPassage | undefined, why: NearestMiss['why']): NearestMiss | null {
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

/** Rounds a score to four digits, which keeps the receipt small in the workflow's history. */
export const round = (value: number): number => Math.round(value * 10_000) / 10_000;
