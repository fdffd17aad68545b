/**
 * Events that tell that the app is gone. None of them ends anything by itself: it says which token to try,
 * and what Slack refuses has ended. One that comes again, or that names a workspace of an organisation, would
 * otherwise end an installation that stands.
 */
import type { WebClient } from '@slack/web-api';
import { z } from 'zod';
import { slackTrouble } from '../errors.ts';
import type { Self } from './events.ts';

/** Source: docs.slack.dev/reference/events/app_uninstalled. */
const uninstalled = z.object({ type: z.literal('app_uninstalled') });
/** Source: docs.slack.dev/reference/events/tokens_revoked. */
const revoked = z.object({
  type: z.literal('tokens_revoked'),
  tokens: z.object({ bot: z.array(z.string()).nullish() }),
});

/** Whether an event may tell of an end. */
export const tellsOfEnd = (event: unknown): boolean =>
  uninstalled.safeParse(event).success || revoked.safeParse(event).success;

/** How the app's installation has ended, if the event says that it has. */
export function endOf(event: unknown, { botUserId }: Self): 'uninstalled' | 'revoked' | undefined {
  if (uninstalled.safeParse(event).success) return 'uninstalled';
  // Tokens of people, which are named beside it, are none of ours.
  const bots = revoked.safeParse(event).data?.tokens.bot ?? [];
  return bots.includes(botUserId) ? 'revoked' : undefined;
}

/** What Slack says of a token that is none any more. Source: docs.slack.dev/reference/methods/auth.test. */
const GONE: ReadonlySet<string> = new Set(['account_inactive', 'token_revoked']);
/** The same, and also of one that comes from an address from which it may not be used. */
const PERHAPS_GONE = 'invalid_auth';

/**
 * Whether Slack takes the token of an installation no more. `isNamed`: it is the one that Slack has named.
 * Rejects while Slack can't say.
 */
export async function isRefused(client: WebClient, { isNamed }: { isNamed: boolean }): Promise<boolean> {
  try {
    await client.auth.test();
    return false;
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble?.kind !== 'refused') throw error;
    return GONE.has(trouble.code) || (isNamed && trouble.code === PERHAPS_GONE);
  }
}
