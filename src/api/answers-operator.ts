/** What the API answers to the operator: tenants, their keys and their ends. */
import { z } from 'zod';
import { KEY_ROLES } from '../domain/key-roles.ts';
import * as example from './answer-examples.ts';
import { count, counts, nextCursor, time, uuid } from './answer-parts.ts';
import { answer } from './answers.ts';

const rateLimit = z.object({ burst: z.int().min(1), perMinute: z.int().min(1) });
const days = z.int().min(1).nullable().describe('null: for ever');
export const TENANT = answer(
  'Tenant',
  z.object({
    id: uuid,
    name: z.string(),
    rateLimits: z.object({ user: rateLimit, tenant: rateLimit }),
    retention: z.object({ memoryDays: days, ledgerDays: days }),
  }),
  example.TENANT,
);
export const TENANTS = answer(
  'Tenants',
  z.object({ tenants: z.array(z.object({ id: uuid, name: z.string(), createdAt: time })), nextCursor }),
  {
    tenants: [{ id: example.TENANT.id, name: example.TENANT.name, createdAt: '2026-05-04T09:00:00.000000Z' }],
    nextCursor: null,
  },
);
const issued = { apiKeyId: uuid, apiKey: z.string().describe('Shown this once') };
export const NEW_TENANT = answer('NewTenant', z.object({ tenantId: uuid, ...issued }), example.NEW_TENANT);
export const NEW_KEY = answer('NewApiKey', z.object(issued), example.NEW_KEY);
export const API_KEYS = answer(
  'ApiKeys',
  z.object({
    apiKeys: z.array(
      z.object({
        apiKeyId: uuid,
        name: z.string(),
        role: z.enum(KEY_ROLES),
        createdAt: time,
        expiresAt: time.nullable(),
        lastUsedAt: time.nullable(),
        revokedAt: time.nullable(),
      }),
    ),
  }),
  example.API_KEYS,
);
export const REMOVAL = answer(
  'TenantRemoval',
  z.object({
    tenantId: uuid,
    requestedAt: time,
    finishedAt: time.nullable().describe('null while it is under way'),
    removed: z.object({ rows: counts.describe('By table'), executions: count, keys: count }),
  }),
  example.REMOVAL,
);
export const REINDEX = answer(
  'Reindex',
  z.object({
    tenantId: uuid,
    reindexId: uuid,
    version: count.describe('What is older is derived anew'),
    requestedAt: time,
    finishedAt: time.nullable().describe('null while it is under way'),
    exchanges: count.nullable().describe('That were older at its begin; null until they are counted'),
    renewed: count.describe('That have been derived anew'),
    left: count.nullable().describe('That were older still at its end; null until then'),
  }),
  {
    tenantId: example.TENANT.id,
    reindexId: '9e8d7c6b-5a4f-4e3d-8c2b-1a0f9e8d7c6b',
    version: 1,
    requestedAt: '2026-05-04T10:00:00.000Z',
    finishedAt: null,
    exchanges: 1_204,
    renewed: 310,
    left: null,
  },
);
