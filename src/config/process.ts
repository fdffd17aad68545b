import { z } from 'zod';
import { count } from './variables.ts';

/** What API and worker have in common as processes. */
export const processes = z
  .object({
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .meta({ description: 'The lowest level that is logged', cure: 'one of trace … fatal, or silent' }),
    KONSTRUCT_START_TIMEOUT_MS: count.default(60_000).meta({
      description:
        'How long a start waits for Postgres and Temporal before it ends with what to do about it, in ms',
    }),
    OTEL_EXPORTER_OTLP_ENDPOINT: z
      .url()
      .optional()
      .meta({
        description:
          'Where traces go, by OTLP over HTTP. OpenTelemetry’s other variables hold as well ' +
          '(`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` …)',
        cure: 'a URL, e.g. http://localhost:4318',
        unset: 'no traces',
      }),
  })
  .meta({ title: 'Logs, traces, start' })
  .transform((read) => ({
    logLevel: read.LOG_LEVEL,
    startTimeoutMs: read.KONSTRUCT_START_TIMEOUT_MS,
    /** Undefined: no tracing. */
    tracesTo: read.OTEL_EXPORTER_OTLP_ENDPOINT,
  }));
