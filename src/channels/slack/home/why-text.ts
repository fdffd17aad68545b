/** Why a reply said what it said, as the one who has asked sees it. Pure. */
import type { TurnResult } from '../../../domain/turn.ts';
import { escapeEntities } from '../outbound/plain-text.ts';
import { shortText } from '../shown-text.ts';

/** What is shown of one memory, and of all. */
const MAX_MEMORY_LENGTH = 200;
const MAX_MEMORIES = 12;

/** In Slack's notation. `memory` is null when it is no longer kept. */
export function whyText(memory: TurnResult['memory'] | null): string {
  if (!memory) return 'What I recalled for this reply is no longer kept.';
  const { recalled, windowSize, receipt } = memory;
  const window = `I had the last ${windowSize} messages of our conversation before me.`;
  if (recalled.length === 0) {
    const match = receipt
      ? ` The best match scored ${score(receipt.match)}; it takes ${score(receipt.threshold)} to be recalled.`
      : '';
    return `I recalled nothing older for this reply.${match} ${window}`;
  }
  const lines = recalled.slice(0, MAX_MEMORIES).map((found) => {
    const who = found.role === 'user' ? 'you' : 'me';
    const said = escapeEntities(shortText(found.content.replaceAll(/\s+/g, ' '), MAX_MEMORY_LENGTH));
    const day = found.createdAt.slice(0, 10);
    return `• ${day}, score ${score(found.score)}, from ${who}: ${said}\n    \`${found.exchangeId}\``;
  });
  return [`For this reply I recalled:`, ...lines, window].join('\n');
}

const score = (value: number): string => value.toFixed(2);
