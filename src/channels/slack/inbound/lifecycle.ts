/** Events that tell that the app is gone. Source: docs.slack.dev/reference/events/tokens_revoked. */
import { z } from 'zod';
import type { Self } from './events.ts';

const uninstalled = z.object({ type: z.literal('app_uninstalled') });
const revoked = z.object({
  type: z.literal('tokens_revoked'),
  tokens: z.object({ bot: z.array(z.string()).nullish() }),
});

/** How the app's installation has ended, if the event says that it has. */
export function endOf(event: unknown, { botUserId }: Self): 'uninstalled' | 'revoked' | undefined {
  if (uninstalled.safeParse(event).success) return 'uninstalled';
  // Tokens of people, which are named beside it, are none of ours.
  const bots = revoked.safeParse(event).data?.tokens.bot ?? [];
  return bots.includes(botUserId) ? 'revoked' : undefined;
}
