/** Changes that are not saved: a page that has some is not left without a question. */
import { useEffect, useSyncExternalStore } from 'react';

/** The address of the page that has them. */
let heldAt: string | undefined;
/** What is done when the page is left after all; set while that is asked. */
let leaving: (() => void) | undefined;
const listeners = new Set<() => void>();

function ask(go: (() => void) | undefined): void {
  leaving = go;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const address = (): string => location.pathname + location.search;
/** The browser asks by itself before it loads another page, or none. */
const letBrowserAsk = (event: BeforeUnloadEvent): void => event.preventDefault();

/** Holds the page while it has changes that are not saved. */
export function useUnsaved(hasChanges: boolean): void {
  useEffect(() => {
    if (!hasChanges) return undefined;
    heldAt = address();
    addEventListener('beforeunload', letBrowserAsk);
    return () => {
      heldAt = undefined;
      removeEventListener('beforeunload', letBrowserAsk);
    };
  }, [hasChanges]);
}

/** Does what leaves the page: at once, or when that was asked where changes would be lost. */
export function leave(go: () => void): void {
  if (heldAt === undefined) go();
  else ask(go);
}

/** Goes to an address of the console, and asks first where that leaves changes behind. */
export function leaveFor(to: string, go: () => void): void {
  const { pathname, search } = new URL(to, location.href);
  if (pathname + search === address()) go();
  else leave(go);
}

/**
 * Asks also when somebody goes back or forward. By then the address is another one: it is put back before the
 * router hears of it.
 */
export function askBeforeGoingBack(): void {
  addEventListener(
    'popstate',
    (event) => {
      if (heldAt === undefined || address() === heldAt) return;
      event.stopImmediatePropagation();
      history.pushState(null, '', heldAt);
      ask(() => history.back());
    },
    { capture: true },
  );
}

/** The question, while it is asked. */
export function useLeaving(): { stay: () => void; leave: () => void } | undefined {
  const go = useSyncExternalStore(subscribe, () => leaving);
  return (
    go && {
      stay: () => ask(undefined),
      leave: () => {
        heldAt = undefined;
        ask(undefined);
        go();
      },
    }
  );
}
