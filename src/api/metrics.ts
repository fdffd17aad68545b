import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { keptFor } from '../lib/kept-for.ts';
import { describedPath } from './described-path.ts';

/** However often they are asked for, so often they are collected. */
const KEPT_MS = 1_000;

/**
 * The API's Prometheus metrics: a registry, the middleware that times every request, and the handler that
 * shows them to whoever reaches the port.
 */
export function createMetrics(keptMs = KEPT_MS): {
  registry: Registry;
  timeRequests: RequestHandler;
  showMetrics: RequestHandler;
} {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'konstruct_http_request_duration_seconds',
    help: 'Time from a request to its answer, waiting for a reply included.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [registry],
  });
  const timeRequests: RequestHandler = (req, res, next) => {
    const end = duration.startTimer();
    res.once('finish', () => {
      // By our own description alone: whatever a client can spell, an id or a letter in another case, would
      // be a series each.
      const { path: route, methods } = describedPath(res) ?? { path: 'unmatched', methods: [] };
      const method = methods.includes(req.method) ? req.method : 'other';
      end({ method, route, status: res.statusCode });
    });
    next();
  };
  // One text for all that read it, however slowly.
  const collect = keptFor(keptMs, async () => Buffer.from(await registry.metrics()));
  const showMetrics: RequestHandler = async (_req, res) => {
    res.type(registry.contentType).send(await collect());
  };
  return { registry, timeRequests, showMetrics };
}
