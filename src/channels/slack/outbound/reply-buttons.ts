/** The buttons under a reply. Pure. */
import type { ActionsBlock, ContextActionsBlock } from '@slack/types';
import type { SlackContent } from './outbound-text.ts';
import { plainText } from '../shown-text.ts';

/** Somebody asks for a person in the agent's place. */
export const ASK_FOR_PERSON = 'konstruct_ask_for_person';
/** Who has asked wants to see what was recalled. */
export const WHY = 'konstruct_why';
/** Thumbs up or down. */
export const FEEDBACK = 'konstruct_feedback';

/** Feedback carries its word before the message's id. */
export const feedbackValue = (isGood: boolean, messageId: string): string =>
  `${isGood ? 'good' : 'bad'} ${messageId}`;

export type ReplyButtons = [ContextActionsBlock, ActionsBlock];

export function replyButtons(reply: {
  messageId: string;
  /** Where it stands. */
  threadId: string;
  /** Whether anybody was named who takes over. */
  hasPeople: boolean;
}): ReplyButtons {
  const { messageId, threadId, hasPeople } = reply;
  const why = { type: 'button' as const, action_id: WHY, value: messageId, text: plainText('Why?') };
  const person = {
    type: 'button' as const,
    action_id: ASK_FOR_PERSON,
    value: threadId,
    text: plainText('Talk to a human'),
  };
  return [
    {
      type: 'context_actions',
      elements: [
        {
          type: 'feedback_buttons',
          action_id: FEEDBACK,
          positive_button: { text: plainText('👍'), value: feedbackValue(true, messageId) },
          negative_button: { text: plainText('👎'), value: feedbackValue(false, messageId) },
        },
      ],
    },
    { type: 'actions', elements: hasPeople ? [why, person] : [why] },
  ];
}

/**
 * The same forms, the rich one with the buttons first: where Slack doesn't know them the reply goes without.
 */
export function withButtons(
  contents: readonly SlackContent[],
  buttons: ReplyButtons | undefined,
): SlackContent[] {
  const [rich] = contents;
  if (!buttons || !rich?.blocks) return [...contents];
  return [{ ...rich, blocks: [...rich.blocks, ...buttons] }, ...contents];
}
