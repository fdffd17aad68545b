import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { z } from 'zod';
import { keptForEach } from '../lib/kept-for.ts';
import { SEARCH_ATTRIBUTES } from './search-attributes.ts';

/** Turns that are answered and wait to be stored. `oldestAt` is ISO 8601, null when none waits. */
export type Backfills = { waiting: number; oldestAt: string | null; isPart: boolean };

/** A tenant's turns that wait to be stored, newest first. `isPart`: there are more. */
type ListedBackfills = {
  backfills: ReadonlyArray<{ agentId: string | undefined; startedAt: Date }>;
  isPart: boolean;
};

/** So many are looked at. */
const MOST = 1_000;
const WITHIN_MS = 2_000;

const keyword = z.string().optional().catch(undefined);

/** For how long is told what Temporal has said last: its searches are there for all. */
const KEPT_MS = 5_000;

/**
 * Makes what counts a tenant's turns that wait to be stored, of all agents or of one, by Temporal's word. It
 * is asked once for all agents of a tenant, be they there or made up.
 */
export function createBackfills(
  temporal: Client,
): (tenantId: string, agentId: string | undefined) => Promise<Backfills> {
  const kept = keptForEach<ListedBackfills>(KEPT_MS);
  return async (tenantId, agentId) => {
    const listed = await kept(tenantId, () => listBackfills(temporal, tenantId));
    return countBackfills(listed, agentId);
  };
}

async function listBackfills(temporal: Client, tenantId: string): Promise<ListedBackfills> {
  // It is a UUID, and doesn't end its quotation.
  const query = `WorkflowType = 'EmbedAndStore' AND ExecutionStatus = 'Running' AND TenantId = '${tenantId}'`;
  const { namespace } = temporal.options;
  // Newest first, and not the client's list, which decodes memos.
  const { executions, nextPageToken } = await temporal.withDeadline(Date.now() + WITHIN_MS, () =>
    temporal.workflowService.listWorkflowExecutions({ namespace, query, pageSize: MOST }),
  );
  const backfills = executions.map(({ startTime, searchAttributes }) => ({
    agentId: keyword.parse(valueOf(searchAttributes?.indexedFields?.[SEARCH_ATTRIBUTES.agentId.name])),
    startedAt: new Date(Number(startTime?.seconds ?? 0) * 1_000),
  }));
  return { backfills, isPart: nextPageToken.length > 0 };
}

const valueOf = (payload: Payload | undefined): unknown =>
  payload && defaultPayloadConverter.fromPayload(payload);

function countBackfills({ backfills, isPart }: ListedBackfills, agentId: string | undefined): Backfills {
  const own = backfills.filter((backfill) => agentId === undefined || backfill.agentId === agentId);
  return { waiting: own.length, oldestAt: own.at(-1)?.startedAt.toISOString() ?? null, isPart };
}
