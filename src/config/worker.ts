import { z } from 'zod';
import { host } from './api.ts';
import { count, port, text } from './variables.ts';

/** Where the embedding model is. */
export const modelsPath = text.meta({
  description: 'The embedding model: a folder that holds `Xenova/all-MiniLM-L6-v2`',
  cure: 'a folder that holds Xenova/all-MiniLM-L6-v2, or use npm start, which fetches it',
});

/** Each call holds a connection and its prompt. */
const MAX_CALLS_AT_ONCE = 2_000;
/** A single window takes up to 4. */
const LEAST_WINDOW_MEGABYTES = 10;

export const worker = z
  .object({
    KONSTRUCT_MODELS: modelsPath,
    WORKER_CALLS_AT_ONCE: count
      .max(MAX_CALLS_AT_ONCE)
      .default(200)
      .meta({
        description:
          'Calls of the model, and as many of channels, that one worker process makes at the same time for a ' +
          'tenant that is alone. Tenants that are there together share them out',
        cure: `what the model’s server takes at the same time, at most ${MAX_CALLS_AT_ONCE}`,
      }),
    WORKER_WINDOW_MEGABYTES: count
      .min(LEAST_WINDOW_MEGABYTES)
      .default(200)
      .meta({
        description:
          'What the windows of one tenant may take in Redis, in MB. Beyond that the windows of its conversations ' +
          'that have rested for longest go, and what was said there is recalled ' +
          '([SECURITY](SECURITY.md#what-a-tenant-can-fill)). The same for all workers',
        cure: `a fifth of Redis’ maxmemory, at least ${LEAST_WINDOW_MEGABYTES}`,
      }),
    WORKER_BUILD_ID: text
      .regex(/^[\w.-]{1,100}$/)
      .optional()
      .meta({
        description:
          'Which build this worker is. With it Worker Versioning is on: the worker gets work once `npm run release` ' +
          'has made its build the current one ([DEPLOYMENT](DEPLOYMENT.md#releasing))',
        cure: 'letters, digits, dots and dashes, another one for each release',
        unset: 'no versioning: every worker gets work',
      }),
    WORKER_PORT: port.optional().meta({
      description: 'Where the worker serves `/metrics` and `/healthz`',
      cure: 'a free port',
      unset: 'nowhere',
    }),
    HOST: host,
  })
  .meta({ title: 'Worker' })
  .transform((read) => ({
    modelsPath: read.KONSTRUCT_MODELS,
    callsAtOnce: read.WORKER_CALLS_AT_ONCE,
    windowBytes: read.WORKER_WINDOW_MEGABYTES * 1_000_000,
    /** Undefined: without versioning. */
    buildId: read.WORKER_BUILD_ID,
    /** Undefined: no metrics are served. */
    metrics: read.WORKER_PORT === undefined ? undefined : { port: read.WORKER_PORT, host: read.HOST },
  }));
