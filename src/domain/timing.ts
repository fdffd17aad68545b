/**
 * The time limits that depend on each other, in milliseconds. test/unit/timing.test.ts holds their relations;
 * a limit that stands alone lives beside the code that it bounds.
 */

/** How long a sender waits for a message to be accepted before it is told to come again. */
export const ACCEPT_WITHIN_MS = 2_000;

/** One look into Redis on a message's way in: whoever gets no answer goes on without it. */
export const INTAKE_REDIS_WITHIN_MS = 250;
/** Reading what makes a message richer, files and what was said before it; and the names in all of it. */
export const INTAKE_CONTENTS_WITHIN_MS = 900;
export const INTAKE_NAMES_WITHIN_MS = 500;
/** Asking the channel what Redis would have told. */
export const INTAKE_CHANNEL_WITHIN_MS = 1_000;
/** How long a message waits for its tenant's pace. */
export const PACED_WITHIN_MS = 500;
/** What entering a message and starting its turn needs of the time. */
export const INTAKE_ENTRY_MS = 500;

/**
 * How long a message that is in the ledger may take to appear in Temporal: longer than its API tries to start
 * it.
 */
export const START_GRACE_MS = 2_500;
/** How long one that is offered again and again, and never taken, holds up what comes after it. */
export const LONGEST_START_GRACE_MS = 10_000;

/** How long a reply waits for memory, all in all. */
export const MEMORY_WITHIN_MS = 2_000;
/** The time-out of the activity that asks memory. It bounds itself first and reports what is missing. */
export const GATHER_TIMEOUT_MS = 3_000;
/** How long a turn that had to wait for another waits for its tenant's share of such look-ups. */
export const GATHER_IN_TURN_WITHIN_MS = 60_000;

/** Each of the attempts of a quick look-up on a reply's way. */
export const QUICK_ATTEMPT_MS = 600;
export const QUICK_ATTEMPTS = 3;
/** The pause before the second attempt; it doubles before the next. */
export const QUICK_RETRY_MS = 50;

/** No server is waited for longer than this between two attempts, whatever it asks for. */
export const LONGEST_ASKED_WAIT_MS = 10 * 60_000;

/** One call of a channel's API. */
export const CHANNEL_CALL_WITHIN_MS = 10_000;

/**
 * Writing down what is about to be posted in a channel, or has been; and as long for where else it is noted.
 */
export const POST_RECORD_WITHIN_MS = 500;

/**
 * Early delivery begins no later than this after the attempt was scheduled. Together with one channel call
 * and what is written down around it, it ends before the heartbeat time-out lets another attempt start.
 */
export const EARLY_DELIVERY_WITHIN_MS = 4_000;
/** How long early delivery waits for the window. The workflow appends what is late. */
export const EARLY_APPEND_WITHIN_MS = 300;
/** A failed call may still be carried out: whoever looks for its message waits this long first. */
export const CALL_SETTLES_WITHIN_MS = 1_000;

/** The activity that asks the model tells Temporal this often that it lives. */
export const ANSWER_HEARTBEAT_MS = 4_000;
export const ANSWER_HEARTBEAT_TIMEOUT_MS = 16_000;
export const ANSWER_TIMEOUT_MS = 5 * 60_000;

/** A tenant that has its share of the calls: its next attempts come no sooner, this far apart, no later. */
export const DEFERRED_FOR_MS = 1_000;
export const DEFERRED_EVERY_MS = 100;
export const DEFERRED_WITHIN_MS = 5 * 60_000;

/**
 * All requests for one answer, and the largest that may be set: what comes after has to fit into the
 * activity's time.
 */
export const LLM_WITHIN_MS = 4 * 60_000;
/** How long a model may be silent, before its first byte and between two. */
export const LLM_SILENCE_MS = 2 * 60_000;

/** How long an outage of the model, or of a channel, delays a reply: each step is tried for it. */
export const STEP_TRIED_FOR_MS = 60 * 60_000;
/** How long a turn waits for those before it, however many they are. */
export const LONGEST_WAIT_MS = 60 * 60_000;
/** A turn that has not begun to answer by then, since workers were away, ends in the apology. */
export const TURN_ANSWERED_WITHIN_MS = 12 * 60 * 60_000;
/** Temporal's own limit, the last resort: a turn that stands still for a reason that nobody foresaw. */
export const TURN_ENDS_WITHIN_MS = 24 * 60 * 60_000;
/** The same for the child that remembers a turn: an outage of Postgres may last for days. */
export const REMEMBERED_WITHIN_MS = 7 * 24 * 60 * 60_000;
/** After this a start that an API gave up on does not arrive any more. */
export const LATE_START_WITHIN_MS = 10 * 60_000;

/**
 * The first, local try to remember a turn. It takes a tenth of a second, and holds one of few slots for
 * workflows: a tenant whose long texts held them all would keep the others' turns from being remembered.
 */
export const STORE_LOCALLY_WITHIN_MS = 5_000;
/** The activity that remembers a turn: long texts wait for their turn at the model. */
export const STORE_TIMEOUT_MS = 5 * 60_000;
export const STORE_HEARTBEAT_MS = 5_000;
export const STORE_HEARTBEAT_TIMEOUT_MS = 20_000;

/** The first pause before an activity that only speaks to a channel is tried again. */
export const DELIVERY_RETRY_MS = 1_000;
/** The heartbeats of these activities. */
export const DELIVERY_HEARTBEAT_MS = 2_000;
export const DELIVERY_HEARTBEAT_TIMEOUT_MS = 8_000;

/** At shutdown running activities get this long before they are cancelled and retried elsewhere. */
export const DRAIN_WITHIN_MS = 20_000;
/** After this a worker gives its activities up. */
export const DRAIN_FORCED_AFTER_MS = 25_000;
/** After this the process ends whatever is left. */
export const SHUTDOWN_WITHIN_MS = 30_000;
