import { randomUUID } from 'node:crypto';
import { ChannelError } from '../../../src/channels/channel.ts';
import { channelContract } from '../../support/channel-contract.ts';
import { openPostOffice } from '../../support/channels/postcard/index.ts';

const office = openPostOffice();
const POSTMARK = 'a-postmark-of-the-tests';

channelContract(
  'postcard',
  { channels: [office.definition], env: { POSTCARD_POSTMARK: POSTMARK } },
  ({ baseUrl, tenantId, agent }) => {
    office.bindTo({ tenantId, agentId: agent.id });
    const post = (card: object, postmark = POSTMARK) =>
      fetch(`${baseUrl}/postcard/cards`, {
        method: 'POST',
        headers: { 'x-postmark': postmark },
        body: JSON.stringify(card),
      });
    return {
      write(text, person = 'ada') {
        const card = { id: randomUUID(), from: person, text };
        return Promise.resolve({ send: () => post(card), answers: async () => office.answersTo(card.id) });
      },
      forge: () => post({ id: '1', from: 'eve', text: 'hi' }, 'a forged one'),
      chatter: () => post({ id: '2', from: 'ada', text: '  ' }),
      disturb: () => office.strike(new ChannelError('unavailable', 'a storm')),
    };
  },
  { isWebhook: true, pushes: true },
);
