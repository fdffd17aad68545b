import type { Logger as SdkLogger } from '@temporalio/worker';
import type { Logger } from 'pino';
import { refusalBehind } from '../temporal/payload-codec.ts';

const PINO_LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/**
 * What Temporal's SDK logs, in our log. A payload that can't be read is one line that says why. An activity's
 * task, which the SDK adds when it can't start one, is left out: it holds what people wrote.
 */
export function sdkLogger(log: Logger): SdkLogger {
  const at = (level: keyof typeof PINO_LEVELS) => (message: string, meta?: Record<string, unknown>) => {
    const { task: _, taskEncoded: __, error, ...rest } = meta ?? {};
    const refusal = refusalBehind(error);
    log[PINO_LEVELS[level]](
      { ...rest, ...(!refusal && error !== undefined && { error }) },
      refusal?.message ?? message,
    );
  };
  return {
    log: (level, message, meta) => at(level)(message, meta),
    trace: at('TRACE'),
    debug: at('DEBUG'),
    info: at('INFO'),
    warn: at('WARN'),
    error: at('ERROR'),
  };
}
