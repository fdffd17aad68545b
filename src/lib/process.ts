import { pino, type DestinationStream, type Logger } from 'pino';
import { loggedError } from './logged-error.ts';
import { within } from './within.ts';

/**
 * JSON logs, on standard output when no other place is given. Contents of messages are never logged; ids are,
 * and of errors what `loggedError` says.
 */
export function createLogger(
  name: string,
  level: string,
  to: DestinationStream = pino.destination(1),
): Logger {
  const serializers = { err: loggedError, error: loggedError };
  return pino({ name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime, serializers }, to);
}

const CLOSE_WITHIN_MS = 3_000;

/** Closes connections when all work is done. One that hangs is left to the end of the process. */
export async function closeAll(log: Logger, closing: ReadonlyArray<() => unknown>): Promise<void> {
  const closed = Promise.allSettled(closing.map((close) => Promise.resolve().then(close)));
  await within(CLOSE_WITHIN_MS, closed).catch(() => log.warn('a connection does not close; ending without'));
}

/** Runs `shutdown` once on SIGTERM or SIGINT and exits: 0 when it succeeds within `withinMs`, else 1. */
export function onTermination(log: Logger, withinMs: number, shutdown: () => Promise<void>): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'shutting down');
    const deadline = setTimeout(() => process.exit(1), withinMs);
    shutdown()
      .then(() => {
        clearTimeout(deadline);
        log.info('stopped');
        process.exit(0);
      })
      .catch((error: unknown) => {
        log.error({ err: error }, 'shutdown failed');
        process.exit(1);
      });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** Ends the process with one clear line when `main` fails before it is up. */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
