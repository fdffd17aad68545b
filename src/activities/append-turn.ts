import type { InboundMessage } from '../domain/conversation.ts';
import { appendTurn } from '../memory/window/window.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createAppendTurn({ redis }: Pick<ActivityDependencies, 'redis'>) {
  /** Puts a turn's two messages into the window, at their place by sequence number. Safe to repeat. */
  const append = async ({ message, reply }: { message: InboundMessage; reply: string }): Promise<void> => {
    await appendTurn(redis, message, {
      seq: message.seq,
      messageId: message.messageId,
      userText: message.text,
      replyText: reply,
    });
  };
  return {
    /** The reply's own append, within its bound. */
    appendTurnToWindow: append,
    /** The same when Redis was away then: tried until it is back. */
    appendOwedTurn: append,
  };
}
