/** Replies as Slack's messages. They are read apart from the thread that everybody shares. */
import { apart } from '../../../lib/apart.ts';
import { growingText } from './growing-text.ts';
import { contentsOf, plainContent, type SlackContent } from './outbound-text.ts';
import { firstParts, plainParts, splitReply } from './reply-parts.ts';

/** One message: its markdown, and the forms in which it may go, richest first. */
export type LaidOut = { markdown: string; contents: SlackContent[] };

/** The first message. */
export type LaidOutFirst = {
  contents: SlackContent[];
  /** Whether there are others. */
  hasMore: boolean;
  /** Present when it could not be read in time: nor will be what goes on from there. */
  isGivenUp?: true;
};

/** All messages of a reply. */
export const layOut = apart(import.meta.url, messagesOf, plainMessagesOf);

/** The first message of a reply; what comes after it isn't read. */
export const layOutFirst = apart(import.meta.url, firstMessageOf, plainFirstOf);

/** The first message of a reply that is being written. */
export const layOutGrowing = apart(import.meta.url, growingMessageOf, plainFirstOf);

export function messagesOf(reply: string): LaidOut[] {
  return splitReply(reply).map((markdown) => ({ markdown, contents: contentsOf(markdown) }));
}

export function firstMessageOf(reply: string): LaidOutFirst {
  const [markdown = '', ...others] = firstParts(reply, 2);
  return { contents: contentsOf(markdown), hasMore: others.length > 0 };
}

export function growingMessageOf(textSoFar: string): LaidOutFirst {
  const { text, hasMore } = growingText(textSoFar);
  return { contents: contentsOf(text), hasMore };
}

function plainMessagesOf(reply: string): LaidOut[] {
  return plainParts(reply).map((markdown) => ({ markdown, contents: [plainContent(markdown)] }));
}

export function plainFirstOf(reply: string): LaidOutFirst {
  const [first, ...others] = plainMessagesOf(reply);
  return { contents: first?.contents ?? [], hasMore: others.length > 0, isGivenUp: true };
}
