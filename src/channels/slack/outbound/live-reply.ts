import { closeOpenFence, splitReply } from './reply-parts.ts';
import { slackTrouble } from '../errors.ts';

/** Shows a reply while it grows. */
export type LiveReply = {
  /** Takes the text so far; shows it when it is time to. */
  show: (textSoFar: string) => void;
  /** Resolves when nothing more is under way, so that no late update can overtake the final one. */
  stop: () => Promise<void>;
};

/** What Slack allows over a longer time is about one update a second and channel. */
const INTERVAL_MS = 1_750;

/**
 * Hands the newest text to `update` every 1.75 s, one call at a time. What fails is left out, the final
 * text is delivered otherwise; a 429 is waited out.
 */
export function createLiveReply(update: (markdown: string) => Promise<void>): LiveReply {
  let newest: string | undefined;
  let notBefore = Date.now() + INTERVAL_MS;
  let underWay: Promise<void> | undefined;
  let stopped = false;

  const send = async (text: string): Promise<void> => {
    try {
      await update(liveText(text));
      notBefore = Date.now() + INTERVAL_MS;
    } catch (error) {
      const trouble = slackTrouble(error);
      notBefore = Date.now() + (trouble?.kind === 'rate-limited' ? trouble.retryAfterMs : 2 * INTERVAL_MS);
      if (trouble?.kind === 'refused') stopped = true;
    }
  };
  const tick = (): void => {
    if (stopped || underWay || newest === undefined || Date.now() < notBefore) return;
    const text = newest;
    newest = undefined;
    underWay = send(text).finally(() => (underWay = undefined));
  };
  // A model that falls silent must not keep its last words to itself.
  const timer = setInterval(tick, 250);

  return {
    show: (textSoFar) => {
      newest = textSoFar;
      tick();
    },
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await underWay;
    },
  };
}

/** The first message's worth of a text that isn't finished, with its fence closed. */
function liveText(text: string): string {
  const [first = '', ...more] = splitReply(text);
  return more.length > 0 ? `${first}\n\n…` : `${closeOpenFence(first)} …`;
}
