/**
 * Which messages were sent from this tab, so that a page that is loaded anew follows a reply which is still
 * being written, and has the receipts of before. Ids alone: what was said stays with the API, which may have
 * to forget it.
 */
import { shownSession } from './shown-session.ts';

type Scope = { agentId: string; userId: string };

/** The last ones: each is asked for when the page is loaded. */
const MOST = 10;

const keyOf = ({ agentId, userId }: Scope): string => `said ${shownSession() ?? ''} ${agentId} ${userId}`;

/** The ids of the last messages, in their order. */
export function messagesSaid(scope: Scope): string[] {
  return (sessionStorage.getItem(keyOf(scope)) ?? '').split(' ').filter((id) => id !== '');
}

/** Keeps the id of a message. */
export function noteMessage(scope: Scope, messageId: string): void {
  const others = messagesSaid(scope).filter((id) => id !== messageId);
  sessionStorage.setItem(keyOf(scope), [...others, messageId].slice(-MOST).join(' '));
}

/** Keeps the id no more. */
export function dropMessage(scope: Scope, messageId: string): void {
  const others = messagesSaid(scope).filter((id) => id !== messageId);
  sessionStorage.setItem(keyOf(scope), others.join(' '));
}

/** Keeps none of the ids. */
export function dropMessages(scope: Scope): void {
  sessionStorage.removeItem(keyOf(scope));
}
