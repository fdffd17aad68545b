/** Forgetting what was said: everything of a scope, or one exchange. */
import type { InboundMessage } from './conversation.ts';
import type { TurnSeals } from './seals.ts';
import type { TurnLimits } from './turn.ts';

/**
 * An erasure goes through Temporal as a message that came in by this channel, sealed as any other: its id is
 * the erasure's, its number is its place in the scope, and its text is the one exchange to forget, or empty.
 */
export const ERASURE_CHANNEL = 'erasure';

/** The input of workflow `ForgetUser`. */
export type ForgetUserInput = {
  message: InboundMessage;
  limits: TurnLimits;
  /** What intake has sealed it with; without seals no step runs. */
  seals: TurnSeals;
  /** How far an earlier run has come. */
  progress?: ForgetProgress;
};

export type ForgetProgress = {
  removed: { window: number; keys: number; executions: number };
  /** The number of the last turn whose executions have been deleted; null when all have. */
  after: number | null;
};

/** What an erasure has removed, at least: a step that dies loses what it counted outside of Postgres. */
export type Removed = {
  /** Messages in the window. */
  window: number;
  memories: number;
  passages: number;
  /** Workflow executions, each with its history. */
  executions: number;
  /** Rows of the ledger that name nobody any more. */
  turns: number;
  /** Further keys in Redis. */
  keys: number;
};

/** What is left of it for a while, and until when: a time, or a rule. */
type Remainder = { where: string; until: string };

/** What became of an erasure. */
export type ErasureReceipt = {
  erasureId: string;
  /** ISO 8601, as is `finishedAt`. */
  requestedAt: string;
  /** Null while it runs. */
  finishedAt: string | null;
  removed: Removed;
  remains: Remainder[];
};

/**
 * For so long late turns are kept out of a window, and a turn's row stays in the ledger (migrations/0031):
 * longer than a turn and what remembers it live (`timing.ts`).
 */
export const LATE_TURNS_KEPT_OUT_DAYS = 9;

const DAY_MS = 24 * 60 * 60_000;

/** What an erasure leaves behind, once it has finished. `isWhole`: of a scope, not of one exchange. */
export function remainsOf(finishedAt: Date, isWhole: boolean): Remainder[] {
  const after = (days: number) => new Date(finishedAt.getTime() + days * DAY_MS).toISOString();
  return [
    { where: 'Postgres: dead rows', until: 'VACUUM FULL, or new rows have taken their space' },
    { where: 'Postgres: write-ahead log and its archive', until: 'your retention of the log has passed' },
    { where: 'Postgres: samples of the planner, with user ids and no words', until: 'the next ANALYZE' },
    { where: 'Postgres: a keyed hash of the user’s id in the audit log', until: 'the audit log is removed' },
    { where: 'Redis: append-only file', until: 'its next rewrite' },
    { where: 'Redis: its list of slow commands, in memory', until: '128 others, or a restart' },
    { where: 'Temporal: the pages of its database', until: 'its database has reused or vacuumed them' },
    {
      where: 'Temporal: runs of other people’s turns that quote the thread around them',
      until: 'the namespace’s retention has passed',
    },
    {
      where: 'Temporal: runs of turns that retention had taken out of the ledger',
      until: 'the namespace’s retention has passed',
    },
    { where: 'Backups', until: 'your retention of backups has passed' },
    { where: 'Redis: numbers and ids that keep late turns out', until: after(LATE_TURNS_KEPT_OUT_DAYS) },
    ...(isWhole
      ? [
          {
            where: 'Redis: marks of threads in Slack with others, or not noted as direct; without a name',
            until: after(90),
          },
        ]
      : [
          {
            where: 'Temporal: runs of this user’s other turns whose prompts quote the exchange',
            until: 'the namespace’s retention has passed',
          },
        ]),
    {
      where: 'Temporal: the run of this erasure, which has the user’s id',
      until: 'the namespace’s retention has passed',
    },
    {
      where: 'Postgres: the user’s id beside the number of the last turn (scopes)',
      until: 'the tenant is removed',
    },
    {
      where: 'API processes: a display name that was looked up',
      until: new Date(finishedAt.getTime() + 60 * 60_000).toISOString(),
    },
  ];
}
