import { once } from 'node:events';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { createBoundedServer } from '../lib/bounded-server.ts';
import { hostProblem } from '../lib/address.ts';
import { freePort } from '../lib/free-port.ts';
import { keptFor } from '../lib/kept-for.ts';

/** However often they are asked for, so often they are collected. */
const KEPT_MS = 1_000;
/** What Temporal's core hasn't said by then is left out: whoever asks waits for it. */
const CORE_WITHIN_MS = 2_000;

export type WorkerMetrics = {
  registry: Registry;
  /** The address at which Temporal's core must serve its own metrics, for `Runtime.install`. */
  temporalAddress: string;
  /**
   * Serves `GET /metrics`, which joins our metrics and Temporal's,
   * and `GET /healthz`. Rejects with what to set when it can't listen.
   */
  listen(): Promise<void>;
  close(): void;
};

/** Prometheus metrics of a worker process on a port of its own. */
export async function createWorkerMetrics(options: { port: number; host: string }): Promise<WorkerMetrics> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // The SDK can only serve its metrics over HTTP itself: it does
  // so on loopback, and `GET /metrics` includes them.
  const temporalAddress = `127.0.0.1:${await freePort()}`;
  const collect = keptFor(KEPT_MS, async () => {
    const ownMetrics = await registry.metrics();
    const coreMetrics = await fetch(`http://${temporalAddress}/metrics`, {
      signal: AbortSignal.timeout(CORE_WITHIN_MS),
    })
      .then((response) => response.text())
      .catch(() => '');
    return Buffer.from(ownMetrics + coreMetrics);
  });
  const server = createBoundedServer((req, res) => {
    const answer = async (): Promise<void> => {
      if (req.url === '/healthz') {
        res.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
        return;
      }
      if (req.url?.split('?', 1)[0] !== '/metrics') {
        res.writeHead(404).end();
        return;
      }
      const metrics = await collect();
      res.writeHead(200, { 'content-type': registry.contentType }).end(metrics);
    };
    answer().catch(() => res.writeHead(500).end());
  });
  return {
    registry,
    temporalAddress,
    async listen() {
      server.listen(options.port, options.host);
      await once(server, 'listening').catch((error: unknown) => {
        const problem = hostProblem(error, options.host);
        const inUse = `the worker's metrics can't be served on port ${options.port}: set WORKER_PORT to a free port`;
        throw new Error(problem ?? inUse, { cause: error });
      });
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
