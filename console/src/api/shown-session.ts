/**
 * Whose session the page shows. A browser sends the newest cookie from every tab: without saying whom it
 * shows, a page would act for whoever has signed in in a tab beside it.
 */
import type { components } from './schema.gen.ts';

type Session = components['schemas']['Session'];
export type SignedIn = Exclude<Session, { kind: 'none' }>;

/**
 * Who is signed in, or that it is somebody else by now than the page shows. Where nobody is, `before` is
 * whose session has ended: the pages are kept for them.
 */
export type Shown = SignedIn | { kind: 'none'; before?: SignedIn } | { kind: 'another'; who: SignedIn };

let shown: string | undefined;
/** Whose pages these are, also when their session has ended. */
let owner: SignedIn | undefined;

const idOf = (who: SignedIn): string => (who.kind === 'key' ? who.keyId : who.kind);

/** What the API knows the session by; undefined while the page shows none. */
export const shownSession = (): string | undefined => shown;

/** What the API says of who is signed in, as the page has to take it. */
export function takeSession(said: Session): Shown {
  if (said.kind === 'none') {
    shown = undefined;
    return owner ? { kind: 'none', before: owner } : said;
  }
  const id = idOf(said);
  if (owner && idOf(owner) !== id) return { kind: 'another', who: said };
  owner = said;
  shown = id;
  return said;
}

/** The pages are nobody's any more: whoever comes next may have them. */
export function disownPages(): void {
  shown = undefined;
  owner = undefined;
}
