import { z } from 'zod';
import { text } from './variables.ts';

export const redis = z
  .object({
    REDIS_URL: text.meta({
      description: 'Redis or Valkey. Holds the windows and the rate limits',
      cure: 'redis://host:6379, or use npm start, which starts one',
    }),
  })
  .meta({ title: 'Redis' })
  .transform((read) => ({ redisUrl: read.REDIS_URL }));
