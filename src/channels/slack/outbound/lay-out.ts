/** Replies as Slack's messages. They are read apart from the thread that everybody shares. */
import { apart } from '../../../lib/apart.ts';
import { growingText } from './growing-text.ts';
import { contentsOf, plainContent, type SlackContent } from './outbound-text.ts';
import { firstParts, plainParts, splitReply } from './reply-parts.ts';

/** One message: its number, its markdown, and the forms in which it may go, richest first. */
export type LaidOut = { part: number; markdown: string; contents: SlackContent[] };

/**
 * The first message has number 0 in any case: it takes the place of what shows that the agent is at work. The
 * others of a reply that nobody has read are cut elsewhere, so they have numbers of their own.
 */
const PLAIN_FROM = 1_000;

/**
 * The messages of a reply, cut as those that stand were: one attempt may have had no time to read it, and
 * another one may have. Undefined when this one has had none and those were read.
 * @param standing the numbers of those that an attempt has posted
 */
export function cutAsBefore(
  { text, laidOut }: { text: string; laidOut: readonly LaidOut[] },
  standing: readonly number[],
): readonly LaidOut[] | undefined {
  const stands = standing.find((part) => part > 0);
  if (stands === undefined) return laidOut;
  const wasPlain = stands >= PLAIN_FROM;
  const isPlain = laidOut.some(({ part }) => part >= PLAIN_FROM);
  if (wasPlain === isPlain) return laidOut;
  return wasPlain ? plainMessagesOf(text) : undefined;
}

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
  return splitReply(reply).map((markdown, part) => ({ part, markdown, contents: contentsOf(markdown) }));
}

export function firstMessageOf(reply: string): LaidOutFirst {
  const [markdown = '', ...others] = firstParts(reply, 2);
  return { contents: contentsOf(markdown), hasMore: others.length > 0 };
}

export function growingMessageOf(textSoFar: string): LaidOutFirst {
  const { text, hasMore } = growingText(textSoFar);
  return { contents: contentsOf(text), hasMore };
}

/** The same of a reply that nobody reads. */
export function plainMessagesOf(reply: string): LaidOut[] {
  return plainParts(reply).map((markdown, at) => ({
    part: at === 0 ? 0 : PLAIN_FROM + at,
    markdown,
    contents: [plainContent(markdown)],
  }));
}

export function plainFirstOf(reply: string): LaidOutFirst {
  const [first, ...others] = plainMessagesOf(reply);
  return { contents: first?.contents ?? [], hasMore: others.length > 0, isGivenUp: true };
}
