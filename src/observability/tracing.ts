/**
 * OpenTelemetry, loaded only when it is on. Spans are made by hand at the few places that matter: hooks into
 * modules don't reach ES modules, and they would put Redis arguments, that is what people said, into spans.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { context, propagation, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
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
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { RunAgent } from '../llm/run-agent.ts';
import type { Embedder } from '../memory/embedding/embedder.ts';
import type { Observers } from '../worker/workers.ts';

export type Tracing = {
  /** For the client that starts workflows: the trace goes on in them. */
  clientInterceptors: ClientInterceptors;
  /** To be bundled with the workflows. */
  workflowInterceptorModules: readonly string[];
  observers: Observers;
  watchRequests(listener: RequestListener): RequestListener;
  watchPool(pool: pg.Pool): void;
  watchRedis(redis: Redis): void;
  watchEmbedder(embedder: Embedder): Embedder;
  watchRunAgent(runAgent: RunAgent): RunAgent;
  /** Sends what is still held and ends. Never fails: a collector that is away must not stop a shutdown. */
  stop(): Promise<void>;
};

/** What sees the workflows' calls when it is on. */
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
  provider.register();
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
      embed: (text, priority) =>
        inSpan('embed', { 'konstruct.priority': priority }, () => embedder.embed(text, priority)),
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

/** What probes ask all day long is not worth a trace. */
const UNTRACED = new Set(['/healthz', '/readyz', '/metrics', '/openapi.json']);

function watchRequests(listener: RequestListener): RequestListener {
  return (req, res) => {
    const path = (req.url ?? '').split('?', 1)[0] ?? '';
    if (UNTRACED.has(path)) {
      listener(req, res);
      return;
    }
    const caller = propagation.extract(context.active(), req.headers);
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
  // Express leaves the route's pattern on the request; ids in a span's name would make each its own.
  const { baseUrl = '', route } = req as { baseUrl?: string; route?: { path?: unknown } };
  if (typeof route?.path === 'string') {
    span.updateName(`${req.method} ${baseUrl}${route.path}`);
    span.setAttribute('http.route', baseUrl + route.path);
  }
  span.setAttribute('http.response.status_code', res.statusCode);
  if (res.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** Statements that nobody asked for in a trace (health checks, the pool's own) stay without a span. */
function watchClient(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const watched = (...args: unknown[]): unknown => {
    const calledBack = args.some((arg) => typeof arg === 'function');
    if (calledBack || !trace.getActiveSpan()) return query(...args);
    const { name, text } = describeStatement(args[0]);
    // Texts are parameters, so a statement holds none of what people said.
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

/** Names of commands only: their arguments are what people said. */
function watchRedis(redis: Redis): void {
  const send = redis.sendCommand.bind(redis);
  const watched: typeof send = (command, stream) => {
    if (!trace.getActiveSpan()) return send(command, stream);
    return inSpan(`redis ${command.name}`, { 'db.system.name': 'redis' }, () =>
      Promise.resolve(send(command, stream)),
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
      // The kind of error, not its message: that may quote what was sent.
      const errorType = error instanceof Error ? error.name : typeof error;
      span.setAttribute('error.type', errorType).setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
