/** What the API answers about Slack, and about threads that a person has taken over. */
import { z } from 'zod';
import { answer } from './answers.ts';

const uuid = z.guid();
const time = z.iso.datetime();
const AGENT_ID = '0c9d8e7f-1a2b-4c3d-8e4f-5a6b7c8d9e0f';

export const INSTALL_LINK = answer(
  'InstallLink',
  z.object({
    url: z.url().describe('For whoever may install apps in the company’s Slack; it works once'),
    expiresAt: time,
  }),
  {
    url: 'https://konstruct.example.com/slack/install?link=3f2a.9c1d',
    expiresAt: '2026-11-29T10:30:00.000Z',
  },
);

export const SLACK_CHANNEL = answer('SlackChannel', z.object({ channelId: z.string(), agentId: uuid }), {
  channelId: 'C0123456789',
  agentId: AGENT_ID,
});

export const ESCALATION = answer(
  'Escalation',
  z.object({
    threadId: z.string(),
    state: z.enum(['escalated', 'handed-back']),
    agentId: uuid.nullable().describe('Who is silent; null where nobody knows'),
    openedAt: time,
    openedBy: z.enum(['person', 'agent', 'api']).describe('Who has asked for a person'),
    endedAt: time.nullable(),
  }),
  {
    threadId: 'slack:T0123456789:C0123456789:1795908000.000100',
    state: 'escalated',
    agentId: AGENT_ID,
    openedAt: '2026-11-29T10:00:00.000Z',
    openedBy: 'person',
    endedAt: null,
  },
);
