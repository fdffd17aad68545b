import { ChannelError, type OpenTurn } from '../channels/channel.ts';

/** Shows a reply while it grows. */
export type GrowingReply = {
  /** Takes the text so far; shows it when it is time to. */
  show: (textSoFar: string) => void;
  /** Resolves when nothing more is under way, so that no late update can overtake the final one. */
  stop: () => Promise<void>;
};

/**
 * How often the newest text is looked at: a model that falls silent must not keep its last words to itself.
 */
const LOOK_EVERY_MS = 250;
/** All of the text is gone through each time. So the longer it is, the more seldom: a second for 100,000. */
const LETTERS_A_MS = 100;

/**
 * Hands the newest text to the channel as often as that allows, one call at a time. A failed call is left
 * out, since the final text is delivered otherwise; a rate limit is waited out; a refusal ends it. `shownOf`
 * gives what of a text people see. It looks at texts that are shown alone: to look at each of the thousands
 * would take the square of the reply's length.
 */
export function showGrowing({
  everyMs,
  show,
  shownOf,
}: NonNullable<OpenTurn['grow']> & { shownOf: (textSoFar: string) => string }): GrowingReply {
  let newest: string | undefined;
  let notBefore = performance.now() + everyMs;
  let underWay: Promise<void> | undefined;
  let stopped = false;

  const send = async (text: string): Promise<void> => {
    try {
      await show(text);
      notBefore = performance.now() + everyMs + text.length / LETTERS_A_MS;
    } catch (error) {
      const { kind, retryAfterMs = 2 * everyMs } = error instanceof ChannelError ? error : {};
      notBefore = performance.now() + retryAfterMs;
      if (kind === 'refused') stopped = true;
    }
  };
  const tick = (): void => {
    if (stopped || underWay || newest === undefined || performance.now() < notBefore) return;
    const text = shownOf(newest);
    newest = undefined;
    underWay = send(text).finally(() => (underWay = undefined));
  };
  const timer = setInterval(tick, LOOK_EVERY_MS);

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
