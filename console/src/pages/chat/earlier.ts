import type { Schemas } from '../../api/client.ts';
import type { Turn } from './conversation.ts';

type Said = Schemas['Memory']['window'][number];

/**
 * What of the window stands above the turns of this tab: those of them that it has as well stand below alone.
 * `asked`, by their keys, is what was said in them, as the window has it.
 */
export function apartFrom(
  turns: readonly Turn[],
  window: readonly Said[],
): { earlier: Said[]; asked: ReadonlyMap<string, string> } {
  const earlier = [...window];
  const asked = new Map<string, string>();
  for (const { key, text, message } of turns.toReversed()) {
    if (message?.state !== 'done') continue;
    const isOf = (said: Said, at: number): boolean => {
      const before = earlier[at - 1];
      return (
        said.role === 'assistant' &&
        said.content.trim() === message.reply.text.trim() &&
        before?.role === 'user' &&
        (text === undefined || before.content.trim() === text.trim())
      );
    };
    const at = earlier.findLastIndex(isOf);
    if (at < 1) continue;
    const [question] = earlier.splice(at - 1, 2);
    if (question) asked.set(key, question.content);
  }
  return { earlier, asked };
}
