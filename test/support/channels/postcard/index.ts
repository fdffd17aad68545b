/**
 * A third channel, by which the seam is proved: postcards. A post office delivers each with its secret, and
 * keeps the agent's cards in letter boxes. This folder and one line in a list are all that it takes.
 */
import { z } from 'zod';
import {
  defineChannel,
  type ChannelDefinition,
  type ChannelError,
  type OpenTurn,
  type Received,
  type WebhookRequest,
} from '../../../../src/channels/channel.ts';
import type { DeliveryTurn } from '../../../../src/domain/delivery.ts';
import { PLACEHOLDER } from '../../../../src/domain/words.ts';
import { MAX_TEXT_LENGTH } from '../../../../src/domain/bounds.ts';
import { check, idField, textField } from '../../../../src/intake/fields.ts';

/** A channel has settings of its own. */
const inboundSettings = z
  .object({ POSTCARD_POSTMARK: z.string().optional().meta({ description: 'Proves whose mail it is' }) })
  .meta({ title: 'Postcards' })
  .transform(({ POSTCARD_POSTMARK: postmark }) => ({ postmark }));
const outboundSettings = z.object({}).meta({ title: 'Postcards' });

const postcard = z.object({ id: idField, from: idField, text: textField(MAX_TEXT_LENGTH) });
/** Whose letter box, and which card is answered. */
const address = z.object({ box: z.string(), re: z.string() });

export type PostOffice = {
  definition: ChannelDefinition;
  /** Says whose agent answers. */
  bindTo(owner: { tenantId: string; agentId: string }): void;
  /** The agent's answers to a card, oldest first, as they lie in the letter box now. */
  answersTo(cardId: string): string[];
  /** The next call of the worker fails. */
  strike(error: ChannelError): void;
};

export function openPostOffice(): PostOffice {
  /** By the card that is answered, then by turn: a later card of a turn takes the place of the one before. */
  const answers = new Map<string, Map<string, string>>();
  const strikes: ChannelError[] = [];
  let owner: { tenantId: string; agentId: string } | undefined;

  const put = async (re: string, turn: string, text: string): Promise<void> => {
    const strike = strikes.shift();
    if (strike) throw strike;
    answers.set(re, (answers.get(re) ?? new Map<string, string>()).set(turn, text));
  };

  const receive = async (request: WebhookRequest, postmark: string): Promise<Received> => {
    if (request.header('x-postmark') !== postmark) {
      return { kind: 'unauthenticated', needed: 'X-Postmark must be the post office’s.' };
    }
    const card = check(postcard, JSON.parse(request.body.toString('utf8')), 'body');
    if (card.kind === 'invalid') return card;
    const { id, from, text } = card.value;
    if (!owner) return { kind: 'ignored', reason: 'no_owner' };
    if (text.trim() === '') return { kind: 'ignored', reason: 'blank' };
    return {
      kind: 'message',
      message: {
        ...owner,
        userId: `postcard:${from}`,
        userName: from,
        channel: { name: 'postcard', address: { box: from, re: id } },
        text,
        threadId: `postcard:${from}`,
        dedupeKey: `postcard:${id}`,
      },
    };
  };

  const open = (turn: DeliveryTurn): OpenTurn => {
    const { box, re } = address.parse(turn.channel.address);
    const write = (text: string) => put(re, turn.messageId, text);
    return {
      progress: () => ({ box }),
      showProgress: () => write(PLACEHOLDER),
      deliverAtOnce: async (text) => {
        await write(text);
        return true;
      },
      deliver: write,
    };
  };

  return {
    definition: defineChannel({
      name: 'postcard',
      subjects: { inbound: inboundSettings, outbound: outboundSettings },
      inbound: ({ postmark }) =>
        postmark === undefined
          ? undefined
          : {
              name: 'postcard',
              paths: ['cards'],
              maxBodyBytes: 256 * 1024,
              receive: (request) => receive(request, postmark),
            },
      outbound: () => ({ name: 'postcard', open }),
    }),
    bindTo: (next) => void (owner = next),
    answersTo: (cardId) => [...(answers.get(cardId)?.values() ?? [])],
    strike: (error) => void strikes.push(error),
  };
}
