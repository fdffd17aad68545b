/** Addresses of pages about a user. */

/**
 * An id of a user as a part of a path. The router decodes a path once, before it splits it: what an id has
 * that would split it stays encoded then.
 */
const asPart = (userId: string): string =>
  encodeURIComponent(userId).replaceAll('%3A', ':').replaceAll('%', '%25');

export const chatPath = (agentId: string, userId: string): string => `/chat/${agentId}/${asPart(userId)}`;
export const memoryPath = (agentId: string, userId: string): string => `/memory/${agentId}/${asPart(userId)}`;

/** The id in a part of a path. */
export function userIdOf(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
