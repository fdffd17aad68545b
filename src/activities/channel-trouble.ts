import { log } from '@temporalio/activity';
import { ChannelError } from '../channels/channel.ts';
import { CALL_SETTLES_WITHIN_MS } from '../domain/timing.ts';

/** What has gone wrong in a channel during one step. */
export type ChannelTrouble = {
  /**
   * True once a call failed: more may stand in the channel than is known. A call that the channel refused was
   * not carried out, so it leaves no doubt.
   */
  uncertain(): boolean;
  /** For how long the channel must not be called; undefined when it may be called now. */
  retryAfterMs(): number | undefined;
  note(what: string, error: unknown): void;
  /** What `call` gives, or undefined when it failed; the failure is noted. */
  attempt<T>(what: string, call: () => Promise<T>): Promise<T | undefined>;
};

/** Watches the calls of a channel. `uncertain` says whether the step begins in doubt. */
export function watchChannel({ name, uncertain }: { name: string; uncertain: boolean }): ChannelTrouble {
  let isUncertain = uncertain;
  let notBefore = 0;
  const note = (what: string, error: unknown): void => {
    const { kind, retryAfterMs = CALL_SETTLES_WITHIN_MS } = error instanceof ChannelError ? error : {};
    if (kind !== 'refused') {
      isUncertain = true;
      notBefore = performance.now() + retryAfterMs;
    }
    log.warn(what, { channel: name, kind, error: errorName(error) });
  };
  return {
    uncertain: () => isUncertain,
    retryAfterMs: () => {
      const leftMs = notBefore - performance.now();
      return leftMs > 0 ? leftMs : undefined;
    },
    note,
    attempt: async (what, call) => {
      try {
        return await call();
      } catch (error) {
        note(what, error);
        return undefined;
      }
    },
  };
}

/** The kind of an error alone: its message may quote what was sent. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
