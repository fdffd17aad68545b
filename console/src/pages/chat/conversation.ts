/** What was said since the page was opened. The cache has it, so that a reply grows behind other pages. */
import { useQuery } from '@tanstack/react-query';
import { v4 as uuid } from 'uuid';
import { memoryHasChanged } from '../../api/memory.ts';
import { queryClient } from '../../api/query-client.ts';
import {
  followMessage,
  retryMessage,
  sendMessage,
  type Message,
  type ReplyEvent,
} from '../../api/reply-events.ts';

export type Turn = {
  /** Its idempotency key. */
  key: string;
  text: string;
  /** What of the reply has come. */
  reply: string;
  messageId?: string;
  /** Set at the end. */
  message?: Message;
  /** Why there is no end. */
  error?: unknown;
  isUnderWay: boolean;
};

export type With = { agentId: string; userId: string };

const keyOf = ({ agentId, userId }: With) => ['conversation', agentId, userId] as const;

export function useConversation(partner: With): readonly Turn[] {
  const { data } = useQuery({
    queryKey: keyOf(partner),
    queryFn: (): Turn[] => [],
    initialData: [],
    staleTime: Infinity,
    gcTime: Infinity,
  });
  return data;
}

/** Sends a message, and shows its reply while it grows. */
export async function say(partner: With, text: string): Promise<void> {
  const key = uuid();
  const turns = queryClient.getQueryData<Turn[]>(keyOf(partner)) ?? [];
  queryClient.setQueryData<Turn[]>(keyOf(partner), [...turns, { key, text, reply: '', isUnderWay: true }]);
  await follow(partner, key, sendMessage({ ...partner, text, key }));
}

/** Has a turn that failed answered once more; one whose stream has broken off is followed to its end. */
export async function answerAgain(partner: With, turn: Turn): Promise<void> {
  const { key, messageId, text } = turn;
  change(partner, key, () => ({ key, text, reply: '', isUnderWay: true, ...(messageId && { messageId }) }));
  if (messageId === undefined) {
    await follow(partner, key, sendMessage({ ...partner, text, key }));
    return;
  }
  const hasFailed = turn.message?.state === 'failed';
  await follow(partner, key, hasFailed ? retryMessage(messageId) : followMessage(messageId));
}

async function follow(partner: With, key: string, events: AsyncIterable<ReplyEvent>): Promise<void> {
  try {
    for await (const event of events) change(partner, key, (turn) => after(turn, event));
    change(partner, key, (turn) => ({ ...turn, isUnderWay: false }));
  } catch (error) {
    change(partner, key, (turn) => ({ ...turn, isUnderWay: false, error }));
  }
  // It is in the window now, and soon among the memories.
  await memoryHasChanged();
}

function after(turn: Turn, event: ReplyEvent): Turn {
  switch (event.kind) {
    case 'accepted':
      return { ...turn, messageId: event.messageId };
    case 'delta':
      return { ...turn, reply: turn.reply + event.text };
    case 'reset':
      return { ...turn, reply: '' };
    case 'end':
      return { ...turn, message: event.message, isUnderWay: false };
  }
}

function change(partner: With, key: string, how: (turn: Turn) => Turn): void {
  queryClient.setQueryData<Turn[]>(keyOf(partner), (turns = []) =>
    turns.map((turn) => (turn.key === key ? how(turn) : turn)),
  );
}
