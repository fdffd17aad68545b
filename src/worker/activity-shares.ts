/** Which share of a process each activity takes a place of, and how many places a share has. */
import type { Activities } from '../activities/index.ts';
import { mostPlaces } from '../lib/shares.ts';

/** Shares of the worker for replies, whose steps wait for others; and of the one for backfills. */
type Share =
  | 'gathering'
  | 'model'
  | 'channel'
  | 'forgetting'
  | 'storing'
  | 'appending'
  | 'erasing'
  | 'importing'
  | 'removing';

/**
 * Every activity stands here, so none can be added that has no bound. Those that are always local run within
 * their workflow's task and end by their time-outs; of the sweep there is one at a time.
 */
export const SHARE_OF: Readonly<Record<keyof Activities, Share | 'always-local' | 'one-at-a-time'>> = {
  findTurnBefore: 'always-local',
  // Local, but for a turn that had to wait for another, and for a long text.
  gatherContext: 'gathering',
  appendTurnToWindow: 'always-local',
  answerTurn: 'model',
  showProgress: 'channel',
  deliverReply: 'channel',
  recordFailedTurn: 'channel',
  // Turns wait for it, so it runs beside the replies.
  forgetMemory: 'forgetting',
  storeTurn: 'storing',
  appendOwedTurn: 'appending',
  forgetExecutions: 'erasing',
  forgetLedger: 'erasing',
  finishErasure: 'erasing',
  importSlice: 'importing',
  finishImport: 'importing',
  beginReindex: 'importing',
  reindexSlice: 'importing',
  finishReindex: 'importing',
  sweepRetention: 'one-at-a-time',
  removeRuns: 'removing',
  removeRows: 'removing',
  removeKeys: 'removing',
  finishRemoval: 'removing',
};

/**
 * Places of a tenant that is alone. A turn of the longest texts takes seconds of the embedding model, and
 * twenty of them minutes.
 */
export const PLACES = {
  gathering: 6,
  forgetting: 3,
  storing: 4,
  appending: 4,
  erasing: 3,
  importing: 2,
  // An operator may remove many tenants at once.
  removing: 2,
} as const;

/** A call of a model has its prompt in memory for as long as it takes: it takes a place for so much of it. */
const LETTERS_A_PLACE = 100_000;

/** How many places of its share an attempt takes. */
export const placesTaken = (activityType: string, args: readonly unknown[]): number =>
  activityType === ('answerTurn' satisfies keyof Activities)
    ? 1 + Math.floor(lettersIn(args) / LETTERS_A_PLACE)
    : 1;

/** Counted without a copy: an attempt that is put off is counted each time. */
const lettersIn = (value: unknown): number => {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, part) => sum + lettersIn(part), 0);
};

/** The places of all shares of a process; `callsAtOnce` calls wait for a model, and as many for a channel. */
export const placesOf = (callsAtOnce: number): Readonly<Record<Share, number>> => ({
  ...PLACES,
  model: callsAtOnce,
  channel: callsAtOnce,
});

/** Slots that no share fills: an attempt needs one to be put off, and the sweep has one. */
const SPARE_SLOTS = { replies: 20, backfills: 4 };

const mostOf = (places: readonly number[]): number =>
  places.reduce((sum, atOnce) => sum + mostPlaces(atOnce), 0);

/** Activity slots of the worker for replies. */
export const replySlots = (callsAtOnce: number): number =>
  mostOf([callsAtOnce, callsAtOnce, PLACES.gathering, PLACES.forgetting]) + SPARE_SLOTS.replies;

/** Activity slots of the worker for backfills. */
export const BACKFILL_ACTIVITY_SLOTS =
  mostOf([PLACES.storing, PLACES.appending, PLACES.erasing, PLACES.importing, PLACES.removing]) +
  SPARE_SLOTS.backfills;
