import type { NearestMiss, RecalledMemory, Role } from '../../domain/conversation.ts';
import type { ScoredPassage } from '../ranking/score.ts';
import type { AdjacentMessage } from './adjacent-messages.ts';
import { quotation, withDashes, type QuotedMessage } from './passage-texts.ts';
import type { Quoted } from './quote.ts';

/**
 * What the receipt shows and the prompt quotes: exchanges best first, each followed by its adjacent messages.
 * Several passages of a message are one quotation of it.
 */
export function toRecalled(
  quoted: readonly Quoted[],
  adjacent: readonly AdjacentMessage[],
): RecalledMemory[] {
  const exchanges = [...Map.groupBy(quoted, ({ exchangeId }) => exchangeId).values()];
  return exchanges.flatMap((passages, i) => {
    const [best] = passages;
    if (!best) return [];
    const own = [
      ...together(
        best,
        'user',
        passages.flatMap(({ user }) => user ?? []),
      ),
      ...together(
        best,
        'assistant',
        passages.flatMap(({ reply }) => reply ?? []),
      ),
    ];
    const around = adjacent.filter(({ hit }) => hit.exchangeId === best.exchangeId);
    return [
      ...own.map((memory) => ({ ...memory, rank: i + 1 })),
      ...around.map(({ passage, role, message }) => ({
        ...toMemory(passage, role, message, message.content),
        beside: i + 1,
      })),
    ];
  });
}

function together(best: ScoredPassage, role: Role, parts: readonly QuotedMessage[]): RecalledMemory[] {
  const [first] = parts;
  if (!first) return [];
  return [toMemory(best, role, first, quotation(parts))];
}

function toMemory(
  passage: ScoredPassage,
  role: Role,
  { createdAt }: QuotedMessage,
  content: string,
): RecalledMemory {
  return {
    content,
    role,
    score: round(passage.score),
    cosine: round(passage.cosine),
    lexical: round(passage.lexical),
    createdAt,
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
        score: round(passage.score),
        why,
      }
    : null;
}

/** Rounds a score to four digits, which keeps the receipt small in the workflow's history. */
export const round = (value: number): number => Math.round(value * 10_000) / 10_000;
