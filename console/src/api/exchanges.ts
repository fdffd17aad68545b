/** Memories as the exchanges that they are of. */
import type { Schemas } from './client.ts';

type Memory = Schemas['Memory']['memories'][number];

export type Exchange = {
  id: string;
  at: string;
  /** Where it came in; null where that is not kept. Absent where nobody asked. */
  channel?: string | null;
  messages: Array<Pick<Memory, 'role' | 'content'>>;
};

/** Memories as the exchanges that they are of: what was said first stands first. */
function asExchanges(memories: readonly Memory[]): Exchange[] {
  const exchanges = new Map<string, Exchange>();
  for (const { exchangeId, createdAt, role, content, channel } of memories) {
    const { at = createdAt, messages = [] } = exchanges.get(exchangeId) ?? {};
    const isFirst = role === 'user';
    exchanges.set(exchangeId, {
      id: exchangeId,
      channel,
      at: isFirst ? createdAt : at,
      messages: isFirst ? [{ role, content }, ...messages] : [...messages, { role, content }],
    });
  }
  return [...exchanges.values()];
}

type Page = { memories: Memory[] };
const ofPages = new WeakMap<Page, Exchange[]>();

/**
 * The exchanges of all pages. A page that is known gives the same objects again, so that a list which gets
 * one more page draws no more than that.
 */
export function exchangesOf(pages: readonly Page[]): Exchange[] {
  const all: Exchange[] = [];
  for (const page of pages) {
    const exchanges = ofPages.get(page) ?? asExchanges(page.memories);
    ofPages.set(page, exchanges);
    const [first, ...rest] = exchanges;
    const before = all.at(-1);
    if (!first || before?.id !== first.id) {
      all.push(...exchanges);
      continue;
    }
    // The end of the page lay between a message and its reply.
    all[all.length - 1] = { ...first, messages: [...first.messages, ...before.messages] };
    all.push(...rest);
  }
  return all;
}
