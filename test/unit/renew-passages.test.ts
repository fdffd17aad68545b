/** A reindex never makes an exchange worse than it is. */
import { expect, test } from '@jest/globals';
import type pg from 'pg';
import { UNREAD_VERSION } from '../../src/memory/long-term/derived-version.ts';
import type { NewExchange } from '../../src/memory/long-term/exchange-passages.ts';
import { renewExchange } from '../../src/memory/long-term/renew-passages.ts';

test('passages stay as they are when their texts could not be read in time', async () => {
  const pool = { connect: () => Promise.reject(new Error('asked')) } as unknown as pg.Pool;
  const exchange = {
    user: null,
    reply: null,
    derived: { version: UNREAD_VERSION },
  } as unknown as NewExchange;
  expect(await renewExchange(pool, { tenantId: 't', reindexId: 'r' }, exchange)).toBe(false);
});
