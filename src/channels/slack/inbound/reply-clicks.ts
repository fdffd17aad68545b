/** The buttons under a reply: why it says that, and what people think of it. */
import { validate as isUuid } from 'uuid';
import { giveFeedback } from '../../../db/feedback.ts';
import { findTurn } from '../../../db/ledger.ts';
import { NOT_ALLOWED, NOT_YET } from '../../../domain/words.ts';
import { outcomeOf } from '../../../intake/message-outcome.ts';
import type { InboundContext, Received } from '../../channel.ts';
import { whyText } from '../home/why-text.ts';
import type { Installation } from './installations.ts';
import type { Click } from './interactions.ts';
import { userIdOf } from './people.ts';

/** Slack wants its answer within three seconds. */
const ENDS_WITHIN_MS = 1_000;

type Taking = Pick<InboundContext, 'pool' | 'temporal' | 'log'>;

/** Shows what was recalled for a reply to the one who had asked, and to nobody else. */
export async function sayWhy(
  taking: Taking,
  click: Click,
  installation: Installation,
  messageId: string,
): Promise<Received> {
  const { pool, temporal } = taking;
  const { tenantId } = installation;
  const turn = isUuid(messageId) ? await findTurn(pool, tenantId, messageId) : undefined;
  if (turn?.userId !== userIdOf(click, click.workspace)) {
    await sayPrivately(taking, click, installation, NOT_ALLOWED);
    return { kind: 'ignored', reason: 'click_refused' };
  }
  // The reply stands a moment before its turn has ended.
  const outcome = await outcomeOf({ pool, temporal }, tenantId, turn, { waitMs: ENDS_WITHIN_MS });
  const memory = outcome.state === 'done' ? outcome.memory : null;
  await sayPrivately(taking, click, installation, outcome.state === 'accepted' ? NOT_YET : whyText(memory));
  return { kind: 'ignored', reason: 'why' };
}

/** Keeps what somebody thinks of a reply; the last word counts. */
export async function takeFeedback(
  { pool }: Taking,
  click: Click,
  { tenantId }: Installation,
  value: string,
): Promise<Received> {
  const [, word, messageId = ''] = /^(good|bad) (\S{36})$/.exec(value) ?? [];
  if (!isUuid(messageId)) return { kind: 'ignored', reason: 'other_click' };
  const isGood = word === 'good';
  const userId = userIdOf(click, click.workspace);
  const isKept = await giveFeedback(pool, { tenantId, messageId, userId, isGood });
  if (!isKept) return { kind: 'ignored', reason: 'other_click' };
  return { kind: 'ignored', reason: isGood ? 'feedback_up' : 'feedback_down' };
}

/** One message that only who clicked sees. A lost one is no loss. */
export async function sayPrivately(
  { log }: Pick<Taking, 'log'>,
  { channel, user, threadTs }: Click,
  { client }: Installation,
  text: string,
): Promise<void> {
  if (channel === undefined) return;
  await client.chat
    .postEphemeral({ channel, user, text, ...(threadTs !== undefined && { thread_ts: threadTs }) })
    .catch((error: unknown) => log.debug({ err: error }, 'nobody is told what a click has done'));
}
