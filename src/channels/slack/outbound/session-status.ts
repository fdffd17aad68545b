/**
 * The status of a conversation with an agent, or of a thread in a channel: while it says that the agent is at
 * work, people can stop it. Only apps that are declared as agents have it. Source:
 * docs.slack.dev/ai/agent-sessions.
 */
import type { WebClient } from '@slack/web-api';
import { within } from '../../../lib/within.ts';
import { slackTrouble } from '../errors.ts';
import { refusalCause } from './refusals.ts';
import type { Place } from './thread-posts.ts';

type Spot = Pick<Place, 'client' | 'address'>;

/** How long an app that has no sessions isn't asked again. */
const REFUSAL_KEPT_MS = 10 * 60_000;
/** A reply doesn't wait for its status. */
const BEGUN_WITHIN_MS = 1_000;
/** Nobody waits for longer until a conversation counts as open again; it is seen to all the same. */
const ENDED_WITHIN_MS = 1_000;
const END_ATTEMPTS = 6;
const END_RETRY_MS = 1_000;

const refusedUntil = new WeakMap<WebClient, Map<SurfaceKind, number>>();
/** The newest turn that this process has begun in a thread: the end of one before is none of its. */
const newest = new Map<string, symbol>();

type SurfaceKind = 'channel' | 'direct';
const kindOf = ({ address }: Spot): SurfaceKind => (address.surface === 'channel' ? 'channel' : 'direct');
const threadOf = ({ address }: Spot): string => `${address.team} ${address.channel} ${address.threadTs}`;

/** Whether a session says that the agent is at work: `unknown` when Slack hasn't said. */
export type SessionBegun = 'yes' | 'no' | 'unknown';

/** Shows that the agent is at work. 'no' where the app or the place has no sessions. */
export async function beginSession(spot: Spot): Promise<SessionBegun> {
  if (hasNone(spot)) return 'no';
  newest.delete(threadOf(spot));
  try {
    await within(BEGUN_WITHIN_MS, setStatus(spot, 'processing'));
    return 'yes';
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble?.kind === 'rate-limited') return 'no';
    if (trouble?.kind !== 'refused') return 'unknown';
    if (!isOfOnePlace(error, trouble.code)) {
      const refused = refusedUntil.get(spot.client) ?? new Map<SurfaceKind, number>();
      refusedUntil.set(spot.client, refused.set(kindOf(spot), performance.now() + REFUSAL_KEPT_MS));
    }
    return 'no';
  }
}

/** Whether Slack has said a while ago that the app has no sessions there. */
function hasNone(spot: Spot): boolean {
  return (refusedUntil.get(spot.client)?.get(kindOf(spot)) ?? 0) > performance.now();
}

/** Whether a refusal says nothing of other threads. */
function isOfOnePlace(error: unknown, code: string): boolean {
  const cause = refusalCause(error);
  return cause === 'thread' || cause === 'message' || /channel|archived/.test(code);
}

/**
 * The agent is not at work any more. A convenience: the reply stands, whatever becomes of it. Slack leaves a
 * session as it is, so an end that it doesn't take is said again in the background.
 */
export async function endSession(spot: Spot): Promise<void> {
  if (hasNone(spot)) return;
  await within(ENDED_WITHIN_MS, endAtLast(spot)).catch(() => undefined);
}

async function endAtLast(spot: Spot): Promise<void> {
  const thread = threadOf(spot);
  const mine = Symbol(thread);
  newest.set(thread, mine);
  try {
    for (let attempt = 0; attempt < END_ATTEMPTS && newest.get(thread) === mine; attempt += 1) {
      const waitMs = await tryToEnd(spot, END_RETRY_MS * 2 ** attempt);
      if (waitMs === undefined) return;
      await new Promise((resolve) => setTimeout(resolve, waitMs).unref());
    }
  } finally {
    if (newest.get(thread) === mine) newest.delete(thread);
  }
}

/** Undefined when it is done, or can't be; else how long to wait. */
async function tryToEnd(spot: Spot, retryMs: number): Promise<number | undefined> {
  try {
    await setStatus(spot, 'active');
    return undefined;
  } catch (error) {
    const trouble = slackTrouble(error);
    switch (trouble?.kind) {
      case 'rate-limited':
        return trouble.retryAfterMs;
      case 'unavailable':
        return retryMs;
      default:
        return undefined;
    }
  }
}

async function setStatus({ client, address }: Spot, status: 'processing' | 'active'): Promise<void> {
  await client.agents.sessions.setStatus({
    channel_id: address.channel,
    thread_ts: address.threadTs,
    status,
  });
}
