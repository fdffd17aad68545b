/** What has just been done: shown for a while, and read out to whoever can't see it. */
import { useEffect, useSyncExternalStore } from 'react';

const SHOWN_MS = 8_000;

type Notice = { text: string; number: number };
let notice: Notice | undefined;
let told = 0;
const listeners = new Set<() => void>();

function show(next: Notice | undefined): void {
  notice = next;
  for (const listener of listeners) listener();
}

/** Says what was done. The same words twice are said twice. */
export function tell(text: string): void {
  told += 1;
  show({ text, number: told });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Where it is said. The place is always there: a screen reader follows what changes in a place that it knows.
 * `data-live-announcer` keeps react-aria from hiding it behind a dialog.
 */
export function Notices() {
  const shown = useSyncExternalStore(subscribe, () => notice);
  useEffect(() => {
    if (!shown) return undefined;
    const timer = setTimeout(() => show(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return (
    <div role="status" className="notices" data-live-announcer="true">
      {shown && (
        // Another element each time: words that stay as they are would not be read out again.
        <p key={shown.number} className="notice">
          {shown.text}
        </p>
      )}
    </div>
  );
}
