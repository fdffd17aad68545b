/** What was said in this tab. The cache has it, so that a reply grows behind other pages. */
import { useEffect } from 'react';
import { useQuery } from '@tanstack/react-query';
import { v4 as uuid } from 'uuid';
import { memoryHasChanged } from '../../api/memory.ts';
import { asProblem } from '../../api/problem.ts';
import { queryClient } from '../../api/query-client.ts';
import {
  followMessage,
  retryMessage,
  sendMessage,
  type Message,
  type ReplyEvent,
} from '../../api/reply-events.ts';
import { dropMessage, messagesSaid, noteMessage } from '../../api/said-here.ts';

export type Turn = {
  /** Its idempotency key, or the message’s id where the page was loaded after it was sent. */
  key: string;
  /** Absent then: no words are kept here. */
  text?: string;
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

/** Keys of the turns that are being followed. */
const followed = new Set<string>();

export function useConversation(partner: With): readonly Turn[] {
  const { data } = useQuery({
    queryKey: keyOf(partner),
    queryFn: (): Turn[] => [],
    initialData: () => messagesSaid(partner).map(sentBefore),
    staleTime: Infinity,
    gcTime: Infinity,
  });
  const { agentId, userId } = partner;
  useEffect(() => void takeUp({ agentId, userId }), [agentId, userId]);
  return data;
}

const sentBefore = (messageId: string): Turn => ({ key: messageId, messageId, reply: '', isUnderWay: true });

/** Follows what was sent before the page was loaded; what of it is forgotten goes. */
async function takeUp(partner: With): Promise<void> {
  const turns = queryClient.getQueryData<Turn[]>(keyOf(partner)) ?? [];
  const following = turns.flatMap(({ key, messageId, isUnderWay }) =>
    messageId !== undefined && isUnderWay && !followed.has(key)
      ? [follow(partner, key, followMessage(messageId))]
      : [],
  );
  if (following.length === 0) return;
  await Promise.all(following);
  queryClient.setQueryData<Turn[]>(keyOf(partner), (now = []) =>
    now.filter((turn) => !isGone(partner, turn)),
  );
  // What was being answered is in the window now, with its words.
  await queryClient.invalidateQueries({ queryKey: ['before', partner.agentId, partner.userId] });
}

function isGone(partner: With, { messageId, message, error }: Turn): boolean {
  const { status } = error === undefined ? {} : asProblem(error);
  if (message?.state !== 'erased' && status !== 404 && status !== 410) return false;
  if (messageId !== undefined) dropMessage(partner, messageId);
  return true;
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
  const { key, messageId, text = '' } = turn;
  change(partner, key, ({ message: _, error: __, ...asked }) => ({ ...asked, reply: '', isUnderWay: true }));
  if (messageId === undefined) {
    await follow(partner, key, sendMessage({ ...partner, text, key }));
    return;
  }
  const hasFailed = turn.message?.state === 'failed';
  await follow(partner, key, hasFailed ? retryMessage(messageId) : followMessage(messageId));
}

async function follow(partner: With, key: string, events: AsyncIterable<ReplyEvent>): Promise<void> {
  followed.add(key);
  try {
    for await (const event of events) {
      if (event.kind === 'accepted') noteMessage(partner, event.messageId);
      change(partner, key, (turn) => after(turn, event));
    }
    change(partner, key, (turn) => ({ ...turn, isUnderWay: false }));
  } catch (error) {
    change(partner, key, (turn) => ({ ...turn, isUnderWay: false, error }));
  } finally {
    followed.delete(key);
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
