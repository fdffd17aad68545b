/** A reindex of a tenant: what is derived of its exchanges by older code is derived anew. */

export type ReindexKey = { tenantId: string; reindexId: string };

/** How far it has come. Times are ISO 8601, numbers count exchanges. */
export type ReindexProgress = ReindexKey & {
  /** What is older than this version is derived anew. */
  version: number;
  requestedAt: string;
  /** Null while it is under way. */
  finishedAt: string | null;
  /** Those that were older at its begin; null until they are counted. */
  exchanges: number | null;
  /** Those that have been derived anew. */
  renewed: number;
  /** Those that were older still at its end; null until then. */
  left: number | null;
};

/** An exchange with passages of an older version. Its place is by version, and then by id. */
export type OldExchange = { version: number; exchangeId: string };

/** `after`: the last exchange that has been looked at, where an earlier run has begun. */
export type ReindexInput = ReindexKey & { after?: OldExchange };
