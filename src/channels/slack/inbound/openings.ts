/** Somebody opens a conversation with the agent, or stops what it is about to say. */
import { INTAKE_REDIS_WITHIN_MS } from '../../../domain/timing.ts';
import { SUGGESTED_PROMPTS } from '../../../domain/words.ts';
import { within } from '../../../lib/within.ts';
import type { RedisClient } from '../../../redis/connection.ts';
import type { InboundContext, Received } from '../../channel.ts';
import type { Home } from '../home/take-home.ts';
import { claimFirstOpening, markAssistantThread, markStopped } from '../threads.ts';
import type { Opening, Stop, Workspace } from './events.ts';
import type { Installation } from './installations.ts';
import type { PersonalLimit } from '../personal-limit.ts';
import { userIdOf } from './people.ts';
import { threadOf } from './take-message.ts';

type At = { team: string; workspace: Workspace; installation: Installation };

/** What somebody may ask is shown once in a while; a thread of the older kind is remembered as one. */
export async function takeOpening(
  { redis, log, home, mayDo }: Pick<InboundContext, 'redis' | 'log'> & { home: Home; mayDo: PersonalLimit },
  { tab, channel, user, threadTs }: Opening,
  { team, workspace, installation }: At,
): Promise<Received> {
  const { client, tenantId, agentId } = installation;
  const userId = userIdOf({ user, userTeam: undefined }, workspace);
  if (!(await mayDo(tenantId, userId))) return { kind: 'ignored', reason: 'too_many_clicks' };
  if (tab === 'home') {
    const scope = { tenantId, agentId, userId };
    // Nobody waits for it.
    home
      .show({ client, scope, user, directChannel: channel })
      .catch((error: unknown) => log.warn({ err: error }, 'the Home tab is not shown'));
    return { kind: 'ignored', reason: 'app_home_opened' };
  }
  if (threadTs !== undefined) {
    const thread = threadOf(installation, team, channel, threadTs);
    await within(INTAKE_REDIS_WITHIN_MS, markAssistantThread(redis, thread)).catch(() => undefined);
  }
  const suggest = async (): Promise<void> => {
    // Each thread of the older kind has its own; the conversation with an agent has one place for them.
    if (threadTs === undefined && !(await claimFirstOpening(redis, tenantId, userId))) return;
    await client.assistant.threads.setSuggestedPrompts({
      channel_id: channel,
      // Agents that name a thread fail without a word.
      ...(threadTs !== undefined && { thread_ts: threadTs }),
      prompts: SUGGESTED_PROMPTS.map((prompt) => ({ ...prompt })),
    });
  };
  // Nobody waits for it.
  suggest().catch((error: unknown) => log.debug({ err: error }, 'no prompts are suggested'));
  return { kind: 'ignored', reason: threadTs === undefined ? 'app_home_opened' : 'assistant_thread_started' };
}

/** The workers see it, and end what they answer there. Without Redis Slack is to say it again. */
export async function takeStop(
  redis: RedisClient,
  { channel, threadTs, at }: Stop,
  { team, installation }: At,
): Promise<Received> {
  try {
    const thread = threadOf(installation, team, channel, threadTs);
    await within(INTAKE_REDIS_WITHIN_MS, markStopped(redis, thread, at));
    return { kind: 'ignored', reason: 'stopped' };
  } catch {
    return { kind: 'unavailable', service: 'Redis', tenantId: installation.tenantId };
  }
}
