/** What the API answers about Slack, and about threads that a person has taken over. */
import { z } from 'zod';
import { nextCursor, time, uuid } from './answer-parts.ts';
import { answer } from './answers.ts';

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

export const SLACK_CHANNELS = answer(
  'SlackChannels',
  z.object({ channels: z.array(SLACK_CHANNEL.schema), nextCursor }),
  { channels: [SLACK_CHANNEL.example], nextCursor: null },
);

export const SLACK_INSTALLATIONS = answer(
  'SlackInstallations',
  z.object({
    installations: z.array(
      z.object({
        installationId: uuid,
        place: z.string().describe('Slack’s id of the workspace, or of the organisation'),
        isOrganisation: z.boolean(),
        agentId: uuid.describe('Who speaks there where no channel has another agent'),
        installedAt: time,
        endedAt: time.nullable().describe('null while the app is there'),
        endedBy: z.enum(['uninstalled', 'revoked', 'replaced', 'removed']).nullable(),
      }),
    ),
    nextCursor,
  }),
  {
    installations: [
      {
        installationId: '8e7d6c5b-4a39-4281-b7c6-d5e4f3a2b1c0',
        place: 'T0123456789',
        isOrganisation: false,
        agentId: AGENT_ID,
        installedAt: '2026-11-29T10:00:00.000000Z',
        endedAt: null,
        endedBy: null,
      },
    ],
    nextCursor: null,
  },
);

export const FEEDBACK = answer(
  'Feedback',
  z.object({
    feedback: z.array(
      z.object({
        messageId: uuid,
        agentId: uuid,
        rating: z.enum(['up', 'down']),
        byAsker: z.boolean().describe('Whether it is of the one who had asked'),
        createdAt: time,
      }),
    ),
    nextCursor,
  }),
  {
    feedback: [
      {
        messageId: '3d1f0b52-9a46-4c7e-8b1a-6f2e5d4c3b2a',
        agentId: AGENT_ID,
        rating: 'up',
        byAsker: true,
        createdAt: '2026-11-29T10:00:00.000000Z',
      },
    ],
    nextCursor: null,
  },
);

export const ESCALATION = answer(
  'Escalation',
  z.object({
    threadId: z.string(),
    state: z.enum(['escalated', 'handed-back']),
    agentId: uuid.nullable().describe('Who is silent; null where nobody knows'),
    openedAt: time,
    openedBy: z.enum(['person', 'agent', 'api']).describe('Who has asked for a person'),
  }),
  {
    threadId: 'slack:T0123456789:C0123456789:1795908000.000100',
    state: 'escalated',
    agentId: AGENT_ID,
    openedAt: '2026-11-29T10:00:00.000Z',
    openedBy: 'person',
  },
);

export const ESCALATIONS = answer(
  'Escalations',
  z.object({ escalations: z.array(ESCALATION.schema), nextCursor }),
  { escalations: [ESCALATION.example], nextCursor: null },
);
