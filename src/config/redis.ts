import { z } from 'zod';
import { text } from './variables.ts';

export const redis = z
  .object({
    REDIS_URL: text.meta({
      description:
        'Redis or Valkey. Holds the windows and the rate limits. `redis+cluster://host:6379,host:6379` for a ' +
        'cluster, `redis+sentinel://host:26379,host:26379/NAME` for sentinels; `rediss` instead of `redis` ' +
        'for TLS, `?ca=/path/ca.pem` with an authority of your own; `user:password@` as always',
      cure: 'redis://host:6379, or use npm start, which starts one',
    }),
  })
  .meta({ title: 'Redis' })
  .transform((read) => ({ redisUrl: read.REDIS_URL }));
