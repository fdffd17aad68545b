import type { InboundMessage } from '../domain/conversation.ts';
import { appendTurn } from '../memory/window/window.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createAppendTurn({
  redis,
  windowBytes,
}: Pick<ActivityDependencies, 'redis' | 'windowBytes'>) {
  /** Puts a turn's two messages into the window, at their place by sequence number. Safe to repeat. */
  const append = async ({ message, reply }: { message: InboundMessage; reply: string }): Promise<void> => {
    const { seq, messageId, text: userText } = message;
    const turn = { seq, messageId, userText, replyText: reply };
    await appendTurn(redis, message, turn, { atMost: windowBytes });
  };
  return {
    /** The reply's own append, within its bound. */
    appendTurnToWindow: append,
    /** The same when Redis was away then: tried until it is back. */
    appendOwedTurn: append,
  };
}
