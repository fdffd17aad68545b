import { z } from 'zod';
import { host } from './api.ts';
import { port, text } from './variables.ts';

export const worker = z
  .object({
    KONSTRUCT_MODELS: text.meta({
      description: 'The embedding model: a folder that holds `Xenova/all-MiniLM-L6-v2`',
      cure: 'a folder that holds Xenova/all-MiniLM-L6-v2, or use npm start, which fetches it',
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
    /** Undefined: no metrics are served. */
    metrics: read.WORKER_PORT === undefined ? undefined : { port: read.WORKER_PORT, host: read.HOST },
  }));
