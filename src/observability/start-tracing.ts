import type { Tracing } from './tracing.ts';

/**
 * Traces this process when `endpoint` is set. Otherwise it resolves to undefined and loads none of
 * OpenTelemetry. The usual variables (`OTEL_EXPORTER_OTLP_*`, `OTEL_RESOURCE_ATTRIBUTES`,
 * `OTEL_TRACES_SAMPLER`) configure the export.
 */
export async function startTracing(
  service: string,
  endpoint: string | undefined,
): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const { createTracing } = await import('./tracing.ts');
  return createTracing(service);
}
