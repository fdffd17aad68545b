import { channelContract } from '../../support/channel-contract.ts';
import { talk } from '../../support/slack-talk.ts';
import type { SlackSystem } from '../../support/system.ts';

channelContract(
  'slack',
  { slack: true },
  (system) => {
    const { slack, send, baseUrl, database } = system as SlackSystem;
    const { mention, message } = talk({ slack, baseUrl, database });
    return {
      async write(text, person = 'ada') {
        const said = await mention(text);
        const event = { ...said.event, user: slack.people[person] };
        return {
          send: () => send(event, { once: true }),
          answers: async () => {
            const posted = await slack.answers(said.channel, said.thread);
            return posted.map(
              ({ text: shown, blocks }) => (blocks as [{ text: string }] | undefined)?.[0].text ?? shown,
            );
          },
        };
      },
      forge: () => fetch(`${baseUrl}/slack/events`, { method: 'POST', body: '{"type":"event_callback"}' }),
      chatter: async () => send((await message('people talking among themselves')).event),
      disturb: () => slack.fail('chat.update', { kind: 'status', status: 500 }),
    };
  },
  { isWebhook: true, pushes: true },
);
