/** What becomes of a tenant that is removed. Times are ISO 8601. */
export type TenantRemoval = {
  tenantId: string;
  requestedAt: string;
  /** Null while it is under way. */
  finishedAt: string | null;
  removed: {
    /** Rows of Postgres, by table. */
    rows: Record<string, number>;
    /** Runs of workflows, each with its history. */
    executions: number;
    /** Keys of Redis. */
    keys: number;
  };
};

export type RemoveTenantInput = {
  tenantId: string;
  /** How long a step or a start that was under way may still write: then all is looked through again. */
  settleMs: number;
};
