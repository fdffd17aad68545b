/**
 * The status of a conversation with an agent: while it says that the agent is at work, the person can stop
 * it. Only apps that are declared as agents have it. Source: docs.slack.dev/ai/agent-sessions.
 */
import type { WebClient } from '@slack/web-api';
import { within } from '../../../lib/within.ts';
import { slackTrouble } from '../errors.ts';
import type { Place } from './thread-posts.ts';

/** How long an app that has no sessions isn't asked again. */
const REFUSAL_KEPT_MS = 10 * 60_000;
/** Nobody waits for longer until a conversation counts as open again. */
const ENDED_WITHIN_MS = 1_000;

const refusedUntil = new WeakMap<WebClient, number>();

/** Shows that the agent is at work. False where the app or the place has no sessions. */
export async function beginSession(place: Pick<Place, 'client' | 'address'>): Promise<boolean> {
  if ((refusedUntil.get(place.client) ?? 0) > Date.now()) return false;
  try {
    await setStatus(place, 'processing');
    return true;
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble?.kind !== 'refused') throw error;
    refusedUntil.set(place.client, Date.now() + REFUSAL_KEPT_MS);
    return false;
  }
}

/** The agent is no longer at work. A convenience: the reply stands, whatever becomes of it. */
export async function endSession(place: Pick<Place, 'client' | 'address'>): Promise<void> {
  await within(ENDED_WITHIN_MS, setStatus(place, 'active')).catch(() => undefined);
}

async function setStatus(
  { client, address }: Pick<Place, 'client' | 'address'>,
  status: 'processing' | 'active',
): Promise<void> {
  await client.agents.sessions.setStatus({
    channel_id: address.channel,
    thread_ts: address.threadTs,
    status,
  });
}
