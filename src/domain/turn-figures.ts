/** What the ledger keeps of how a turn went: what it had to do without, and numbers. */
import type { Missing, ToldMemory, TurnAnswer } from './turn.ts';

/** The steps of a turn whose times are kept; `total` is from the message's receipt to its reply. */
export const TIMED_STEPS = [
  'waited',
  'window',
  'embed',
  'recall',
  'firstToken',
  'llm',
  'delivery',
  'total',
] as const;
export type TimedStep = (typeof TIMED_STEPS)[number];

export const MISSABLE = ['window', 'recall', 'embedding', 'append', 'order', 'delivery'] as const;

export type TurnFigures = {
  missing: Missing[];
  /** Messages that were recalled; null when recall was not asked, or failed. */
  recalled: number | null;
  timingsMs: Partial<Record<TimedStep, number>>;
};

/** The figures of an answered turn. Times are ISO 8601. */
export function turnFigures(steps: {
  receivedAt: string;
  repliedAt: string;
  waitedMs: number;
  told: Pick<ToldMemory, 'recalled' | 'receipt' | 'timingsMs'>;
  answer: Pick<TurnAnswer, 'timingsMs'>;
  missing: Missing[];
}): TurnFigures {
  const { receivedAt, repliedAt, waitedMs, told, answer, missing } = steps;
  const { firstToken, total: llm, delivery } = answer.timingsMs;
  return {
    missing,
    recalled: told.receipt ? told.recalled.length : null,
    timingsMs: {
      waited: waitedMs,
      ...told.timingsMs,
      firstToken,
      llm,
      ...(delivery !== undefined && { delivery }),
      total: Math.max(0, Date.parse(repliedAt) - Date.parse(receivedAt)),
    },
  };
}

const MAX_RECALLED = 1_000;
const MAX_MS = 7 * 86_400_000;

/**
 * What of figures can be true. They come through Temporal, which is no proof of anything, and no seal is on
 * them: what else they hold is left out.
 */
export function soundFigures(given: unknown): TurnFigures {
  const { missing, recalled, timingsMs } = isObject(given) ? given : {};
  const times = isObject(timingsMs) ? timingsMs : {};
  return {
    missing: MISSABLE.filter((name) => Array.isArray(missing) && missing.includes(name)),
    recalled: isBetween(recalled, MAX_RECALLED) ? Math.round(recalled) : null,
    timingsMs: Object.fromEntries(
      TIMED_STEPS.flatMap((step) => {
        const ms = times[step];
        return isBetween(ms, MAX_MS) ? [[step, Math.round(ms * 10) / 10]] : [];
      }),
    ),
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const isBetween = (value: unknown, max: number): value is number =>
  typeof value === 'number' && value >= 0 && value <= max;
