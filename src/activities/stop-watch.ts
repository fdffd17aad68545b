import type { OpenTurn } from '../channels/channel.ts';

/** Its end is to be seen within two seconds. */
const LOOK_EVERY_MS = 200;

/** Sees when somebody stops a turn in its channel. */
export type StopWatch = {
  /** Aborted then. */
  signal: AbortSignal;
  /** Looks once more, before a reply is shown. */
  isStopped(): Promise<boolean>;
  end(): void;
};

/** Somebody has stopped the turn. */
export class StoppedError extends Error {
  override readonly name = 'Stopped';
}

/** Looks five times a second, one look at a time, as long as the turn is open. */
export function watchForStop(open: Pick<OpenTurn, 'isStopped'> | undefined): StopWatch {
  const stopping = new AbortController();
  const ask = open?.isStopped;
  const isStopped = async (): Promise<boolean> => {
    if (!stopping.signal.aborted && (await ask?.call(open))) stopping.abort(new StoppedError('stopped'));
    return stopping.signal.aborted;
  };
  let looking: Promise<unknown> | undefined;
  const timer =
    ask &&
    setInterval(() => {
      looking ??= isStopped().finally(() => (looking = undefined));
    }, LOOK_EVERY_MS);
  return { signal: stopping.signal, isStopped, end: () => clearInterval(timer) };
}
