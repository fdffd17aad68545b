import type { Tracing } from './tracing.ts';

/**
 * Traces this process when `endpoint` is set, else resolves to undefined at no cost: what traces is not even
 * loaded. Where and how spans are sent is said by OpenTelemetry's usual variables (`OTEL_EXPORTER_OTLP_*`,
 * `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`).
 */
export async function startTracing(
  service: string,
  endpoint: string | undefined,
): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const { createTracing } = await import('./tracing.ts');
  return createTracing(service);
}
