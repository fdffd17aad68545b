/** Addresses of pages about a user. */

/** Why nobody can have this id, or null: no path can hold it, and the API refuses it as well. */
export const userIdProblem = (userId: string): string | null =>
  /^\.{1,2}$/.test(userId.trim())
    ? 'must not be . or .., which no path can hold: add another character'
    : null;

/**
 * An id of a user as a part of a path. The router decodes a path once, before it splits it: what an id has
 * that would split it stays encoded then.
 */
const asPart = (userId: string): string =>
  encodeURIComponent(userId).replaceAll('%3A', ':').replaceAll('%', '%25');

export const chatPath = (agentId: string, userId: string): string => `/chat/${agentId}/${asPart(userId)}`;
export const memoryPath = (agentId: string, userId: string): string => `/memory/${agentId}/${asPart(userId)}`;

export const MEMORY_TABS = ['long', 'search', 'window', 'along'] as const;
export type MemoryTab = (typeof MEMORY_TABS)[number];

/** What a page about a user’s memory shows of it, besides the memory: it stays over a reload. */
export type MemoryView = {
  tab: MemoryTab;
  /** An erasure and an import that were begun here, which go on by themselves. */
  erasure?: string | undefined;
  import?: string | undefined;
};

/** The address of a view of a user’s memory. */
export function memoryViewPath(agentId: string, userId: string, view: MemoryView): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(view)) if (value !== undefined) query.set(name, value);
  return `${memoryPath(agentId, userId)}?${query.toString()}`;
}

/** The view that an address’s query asks for. */
export function memoryViewOf(search: string): MemoryView {
  const query = new URLSearchParams(search);
  return {
    tab: MEMORY_TABS.find((known) => known === query.get('tab')) ?? 'long',
    erasure: query.get('erasure') ?? undefined,
    import: query.get('import') ?? undefined,
  };
}

/** The id in a part of a path. */
export function userIdOf(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
