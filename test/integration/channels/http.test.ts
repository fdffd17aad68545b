import { randomUUID } from 'node:crypto';
import { channelContract } from '../../support/channel-contract.ts';

channelContract(
  'http',
  {},
  ({ postMessage, request, agent }) => ({
    write(text, person = 'ada') {
      const key = randomUUID();
      let messageId = '';
      return Promise.resolve({
        async send() {
          const answer = await postMessage(person, text, { 'idempotency-key': key });
          messageId = String(answer.body['messageId'] ?? messageId);
          return answer;
        },
        async answers() {
          const { body } = await request('GET', `/v1/messages/${messageId}`);
          const reply = body['reply'] as { text: string } | undefined;
          return reply ? [reply.text] : [];
        },
      });
    },
    forge: () => {
      const headers = { authorization: `Bearer konstruct_${'x'.repeat(43)}` };
      return request('POST', `/v1/agents/${agent.id}/messages`, { userId: 'eve', text: 'hi' }, headers);
    },
  }),
  { isWebhook: false, pushes: false },
);
