/**
 * Whose session the page shows. A browser sends the newest cookie from every tab: without saying whom it
 * shows, a page would act for whoever has signed in in a tab beside it.
 */
import type { components } from './schema.gen.ts';

type Session = components['schemas']['Session'];
export type SignedIn = Exclude<Session, { kind: 'none' }>;

/** Who is signed in, or that it is somebody else by now than the page shows. */
export type Shown = Session | { kind: 'another'; who: SignedIn };

let shown: string | undefined;

/** What the API knows the session by; undefined while the page shows none. */
export const shownSession = (): string | undefined => shown;

/** What the API says of who is signed in, as the page has to take it. */
export function takeSession(said: Session): Shown {
  if (said.kind === 'none') {
    shown = undefined;
    return said;
  }
  const id = said.kind === 'key' ? said.keyId : said.kind;
  if (shown !== undefined && shown !== id) return { kind: 'another', who: said };
  shown = id;
  return said;
}
