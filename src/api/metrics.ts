import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** The API's Prometheus metrics: a registry, and the middleware that times every request. */
export function createMetrics(): { registry: Registry; timeRequests: RequestHandler } {
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
      // The route's pattern, not the path: ids would make a series each.
      const { route: matched } = req as { route?: { path?: unknown } };
      const pattern = matched?.path;
      const route = typeof pattern === 'string' ? req.baseUrl + pattern : 'unmatched';
      end({ method: req.method, route, status: res.statusCode });
    });
    next();
  };
  return { registry, timeRequests };
}
