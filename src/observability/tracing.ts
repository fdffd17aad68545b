/**
 * OpenTelemetry, loaded only when tracing is on. It creates spans explicitly at the few places that matter.
 * Automatic instrumentation doesn't reach ES modules, and it would put Redis arguments, which are people's
 * messages, into spans.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResourcesSync, envDetectorSync, Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { ClientInterceptors } from '@temporalio/client';
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry/lib/client/index.js';
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
} from '@temporalio/interceptors-opentelemetry/lib/worker/index.js';
import type { RedisClient } from '../redis/connection.ts';
import type pg from 'pg';
import type { RunAgent } from '../llm/run-agent.ts';
import type { Embedder } from '../memory/embedding/embedder.ts';
import type { Observers } from '../worker/workers.ts';

export type Tracing = {
  /** For the client that starts workflows: the trace continues in them. */
  clientInterceptors: ClientInterceptors;
  /** To be bundled with the workflows. */
  workflowInterceptorModules: readonly string[];
  observers: Observers;
  watchRequests(listener: RequestListener): RequestListener;
  watchPool(pool: pg.Pool): void;
  watchRedis(redis: RedisClient): void;
  watchEmbedder(embedder: Embedder): Embedder;
  watchRunAgent(runAgent: RunAgent): RunAgent;
  /** Sends the buffered spans and ends. Never rejects: an unreachable collector must not block a shutdown. */
  stop(): Promise<void>;
};

/** The workflow interceptors, to be bundled with the workflows when tracing is on. */
export const WORKFLOW_INTERCEPTOR_MODULES: readonly string[] = [
  createRequire(import.meta.url).resolve(
    '@temporalio/interceptors-opentelemetry/lib/workflow-interceptors.js',
  ),
];

const tracer = trace.getTracer('konstruct');

/** Starts tracing in this process. */
export function createTracing(service: string): Tracing {
  const { attributes } = detectResourcesSync({ detectors: [envDetectorSync] });
  const resource = new Resource({ 'service.name': service, ...attributes });
  const processor = new BatchSpanProcessor(new OTLPTraceExporter());
  const provider = new NodeTracerProvider({ resource, spanProcessors: [processor] });
  // Without baggage: what a caller says there would stand in clear in histories.
  provider.register({ propagator: new W3CTraceContextPropagator() });
  return {
    clientInterceptors: { workflow: [new OpenTelemetryWorkflowClientInterceptor()] },
    workflowInterceptorModules: WORKFLOW_INTERCEPTOR_MODULES,
    observers: {
      activity: [(activity) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(activity) })],
      sinks: { exporter: makeWorkflowExporter(processor, resource) },
    },
    watchRequests,
    watchPool: (pool) => void pool.on('connect', watchClient),
    watchRedis,
    watchEmbedder: (embedder) => ({
      ...embedder,
      embed: (text, request) =>
        inSpan('embed', { 'konstruct.priority': request.priority }, () => embedder.embed(text, request)),
      embedParts: (parts, request) =>
        inSpan('embed', { 'konstruct.priority': request.priority }, () =>
          embedder.embedParts(parts, request),
        ),
    }),
    watchRunAgent: (runAgent) => (message, agent, messages, options) =>
      inSpan('llm', {}, async (span) => {
        const completion = await runAgent(message, agent, messages, options);
        span.setAttributes({
          'gen_ai.response.model': completion.model,
          ...(completion.usage && {
            'gen_ai.usage.input_tokens': completion.usage.promptTokens,
            'gen_ai.usage.output_tokens': completion.usage.completionTokens,
          }),
        });
        return completion;
      }),
    stop: () => provider.shutdown().catch(() => undefined),
  };
}

/** Endpoints of probes and scrapers, which would fill the traces. */
const UNTRACED = new Set(['/healthz', '/readyz', '/metrics', '/openapi.json']);

function watchRequests(listener: RequestListener): RequestListener {
  return (req, res) => {
    const path = (req.url ?? '').split('?', 1)[0] ?? '';
    if (UNTRACED.has(path)) {
      listener(req, res);
      return;
    }
    // Of its headers alone: it may have waited for another request of its connection.
    // What else a caller may say there (tracestate) would stand in clear in histories.
    const { traceparent } = req.headers;
    const caller = propagation.extract(ROOT_CONTEXT, { traceparent });
    const method = req.method ?? 'GET';
    const span = tracer.startSpan(
      method,
      { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } },
      caller,
    );
    res.once('close', () => endRequest(span, req, res));
    context.with(trace.setSpan(caller, span), () => listener(req, res));
  };
}

function endRequest(span: Span, req: IncomingMessage, res: ServerResponse): void {
  // Express sets the route's pattern on the request. The URL's ids, and letters in any case, which Express
  // takes, would give every request a span name of its own.
  const { baseUrl = '', route } = req as { baseUrl?: string; route?: { path?: unknown } };
  if (typeof route?.path === 'string') {
    const pattern = baseUrl.toLowerCase() + route.path;
    span.updateName(`${req.method} ${pattern}`);
    span.setAttribute('http.route', pattern);
  }
  span.setAttribute('http.response.status_code', res.statusCode);
  if (res.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** Statements outside a trace (health checks, the pool's own) get no span. */
function watchClient(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const watched = (...args: unknown[]): unknown => {
    const calledBack = args.some((arg) => typeof arg === 'function');
    if (calledBack || !trace.getActiveSpan()) return query(...args);
    const { name, text } = describeStatement(args[0]);
    // Messages are always parameters, so the statement's text contains none of them.
    return inSpan(`pg ${name}`, { 'db.system.name': 'postgresql', 'db.query.text': text }, () =>
      Promise.resolve(query(...args)),
    );
  };
  Object.assign(client, { query: watched });
}

function describeStatement(statement: unknown): { name: string; text: string } {
  const config = typeof statement === 'string' ? { text: statement } : (statement as pg.QueryConfig);
  const text = config.text.replace(/\s+/g, ' ').trim();
  return { name: config.name ?? /^\w+/.exec(text)?.[0] ?? 'query', text: text.slice(0, 500) };
}

/** Records command names only: the arguments contain people's messages. */
function watchRedis(redis: RedisClient): void {
  type Send = (...sent: [{ name: string }, ...unknown[]]) => unknown;
  const send = redis.sendCommand.bind(redis) as Send;
  const watched: Send = (...sent) => {
    if (!trace.getActiveSpan()) return send(...sent);
    return inSpan(`redis ${sent[0].name}`, { 'db.system.name': 'redis' }, () =>
      Promise.resolve(send(...sent)),
    );
  };
  Object.assign(redis, { sendCommand: watched });
}

async function inSpan<T>(
  name: string,
  attributes: Record<string, string>,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracer.startActiveSpan(name, { kind: SpanKind.CLIENT, attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      // The error's name, not its message, which can quote what was sent.
      const errorType = error instanceof Error ? error.name : typeof error;
      span.setAttribute('error.type', errorType).setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
