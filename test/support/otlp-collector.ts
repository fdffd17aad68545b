/** A stand-in for an OpenTelemetry collector: keeps the spans that are exported to it. */
import { readBody, serve } from './http-server.ts';

export type CollectedSpan = {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  attributes: Array<{ key: string; value: { stringValue?: string } }>;
};

export type Collector = {
  endpoint: string;
  spans: CollectedSpan[];
  bodies: string[];
  close(): Promise<void>;
};

type Export = {
  resourceSpans: Array<{
    resource: { attributes: Array<{ key: string; value: { stringValue?: string } }> };
    scopeSpans: Array<{ spans: Array<Omit<CollectedSpan, 'service'>> }>;
  }>;
};

export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const server = await serve(async (req, res) => {
    const body = await readBody(req);
    if (req.url === '/v1/traces') {
      bodies.push(body);
      for (const { resource, scopeSpans } of (JSON.parse(body) as Export).resourceSpans) {
        const service =
          resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
        for (const scope of scopeSpans) spans.push(...scope.spans.map((span) => ({ ...span, service })));
      }
    }
    res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  return {
    endpoint: server.url,
    spans,
    bodies,
    close: () => server.close(),
  };
}

/** The spans of the trace whose root has this name, as far as they have been exported. */
export function traceOf(collector: Collector, rootName: string): CollectedSpan[] {
  const root = collector.spans.find(({ name }) => name === rootName);
  return collector.spans.filter(({ traceId }) => traceId === root?.traceId);
}

/** Spans whose parent is missing. */
export function orphans(spans: CollectedSpan[]): CollectedSpan[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentSpanId }) => parentSpanId && !ids.has(parentSpanId));
}

/** The names from a span up to its root. */
export function pathUp(spans: CollectedSpan[], from: CollectedSpan | undefined): string[] {
  const names: string[] = [];
  for (let at = from; at;) {
    names.push(at.name);
    const { parentSpanId } = at;
    at = spans.find(({ spanId }) => spanId === parentSpanId);
  }
  return names;
}
