/** Whose installation an event came through, and whose memory its message belongs to. */
import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { WebClient } from '@slack/web-api';
import { readRequest } from '../../src/channels/slack/inbound/events.ts';
import {
  findAmong,
  singleWorkspace,
  type Installation,
} from '../../src/channels/slack/inbound/installations.ts';
import { userIdOf } from '../../src/channels/slack/inbound/people.ts';

const workspaceOf = (envelope: object) => {
  const read = readRequest({ type: 'event_callback', event: {}, ...envelope });
  if (read?.kind !== 'event') throw new Error('no event');
  return read.workspace;
};
const auth = (team_id: string | null, enterprise_id: string | null = null, is_enterprise_install = false) => {
  return {
    authorizations: [{ team_id, enterprise_id, is_enterprise_install, user_id: 'UBOT', is_bot: true }],
  };
};

describe('whose memory it is', () => {
  const shared = { is_ext_shared_channel: true };
  test.each([
    ['a person of the workspace', { team_id: 'T1' }, 'T1', 'slack:T1:U1'],
    ['of whom Slack says nothing more', { team_id: 'T1', ...auth('T1') }, undefined, 'slack:T1:U1'],
    ['a guest from another company', { team_id: 'T1', ...auth('T1'), ...shared }, 'T2', 'slack:T2:U1'],
    ['a guest, in the guest’s channel', { team_id: 'T2', ...auth('T1'), ...shared }, 'T2', 'slack:T2:U1'],
    ['the host’s, in the guest’s channel', { team_id: 'T2', ...auth('T1'), ...shared }, 'T1', 'slack:T1:U1'],
    ['a guest of an organisation', { team_id: 'T1', ...auth('T1', 'E1'), ...shared }, 'E2', 'slack:E2:U1'],
    ['one of an organisation', { team_id: 'T1', ...auth('T1', 'E1') }, 'T1', 'slack:E1:U1'],
    ['one of its other workspace', { team_id: 'T1', ...auth('T1', 'E1') }, 'T3', 'slack:E1:U1'],
    [
      'one whose team is the organisation',
      { team_id: 'T1', ...auth('T1', 'E1'), ...shared },
      'E1',
      'slack:E1:U1',
    ],
    ['one of an organisation’s app', { team_id: 'T3', ...auth(null, 'E1', true) }, 'T3', 'slack:E1:U1'],
    ['as older events say it', { team_id: 'T1', enterprise_id: 'E1' }, 'T1', 'slack:E1:U1'],
    [
      'the guest’s organisation isn’t ours',
      { team_id: 'T2', enterprise_id: 'E2', ...auth('T1'), ...shared },
      'T1',
      'slack:T1:U1',
    ],
  ])('%s', (_, envelope, userTeam, userId) => {
    expect(userIdOf({ user: 'U1', userTeam }, workspaceOf(envelope))).toBe(userId);
  });
});

describe('whether an installation is ours', () => {
  const installed = (answer: object) => {
    const client = { auth: { test: async () => ({ user_id: 'UBOT', ...answer }) } } as unknown as WebClient;
    const log = pino({ level: 'silent' });
    return singleWorkspace({ client, tenantId: 'tenant', agentId: 'agent', log }).find;
  };
  const WORKSPACE = { team_id: 'T1', enterprise_id: 'E1', is_enterprise_install: false };
  const ORGANISATION = { team_id: 'E1', enterprise_id: 'E1', is_enterprise_install: true };
  test.each([
    ['the workspace’s', WORKSPACE, { team_id: 'T1', enterprise_id: 'E1', ...auth('T1', 'E1') }, true],
    ['the workspace’s, in a guest’s channel', WORKSPACE, { team_id: 'T2', ...auth('T1', 'E1') }, true],
    ['without authorizations', WORKSPACE, { team_id: 'T1' }, true],
    ['another workspace’s in the organisation', WORKSPACE, { team_id: 'T3', ...auth('T3', 'E1') }, false],
    [
      'the organisation’s, which names the workspace',
      WORKSPACE,
      { team_id: 'T1', ...auth('T1', 'E1', true) },
      true,
    ],
    [
      'the organisation’s beside the workspace’s',
      WORKSPACE,
      { team_id: 'T1', ...auth(null, 'E1', true) },
      false,
    ],
    ['another company’s', WORKSPACE, { team_id: 'T1', ...auth('T2') }, false],
    ['another organisation’s', WORKSPACE, { team_id: 'T1', ...auth(null, 'E2', true) }, false],
    ['the organisation’s', ORGANISATION, { team_id: 'T3', ...auth(null, 'E1', true) }, true],
    [
      'the organisation’s, with the workspace',
      ORGANISATION,
      { team_id: 'T3', ...auth('T3', 'E1', true) },
      true,
    ],
    ['a workspace’s beside the organisation’s', ORGANISATION, { team_id: 'T3', ...auth('T3', 'E1') }, false],
  ])('%s', async (_, answer, envelope, isOurs) => {
    const found = await installed(answer)(workspaceOf(envelope));
    expect(found !== undefined).toBe(isOurs);
  });
});

describe('who speaks where the app is installed beside SLACK_BOT_TOKEN', () => {
  const of = (tenantId: string) => ({ tenantId }) as Installation;
  const find = (found: Installation | undefined) => () => Promise.resolve(found);
  test.each([
    ['its own tenant has installed it too: by what was installed', of('own'), of('own'), 'stored'],
    ['another tenant has: its own', of('other'), of('own'), 'single'],
    ['elsewhere', of('other'), undefined, 'stored'],
    ['it alone', undefined, of('own'), 'single'],
  ])('%s', async (_, stored, single, expected) => {
    const workspace = { teamId: 'T1', enterpriseId: undefined, installedIn: 'either' } as const;
    expect(await findAmong(find(stored), find(single))(workspace)).toBe({ stored, single }[expected]);
  });

  test.each([
    ['is away', () => Promise.reject(new Error('Slack is away'))],
    ['says nothing', () => new Promise<never>(() => undefined)],
  ])('while Slack %s about the token, what was installed speaks', async (_, unknown) => {
    const workspace = { teamId: 'T1', enterpriseId: undefined, installedIn: 'either' } as const;
    const stored = of('other');
    expect(await findAmong(find(stored), unknown)(workspace)).toBe(stored);
  });

  test('and what was not comes again', async () => {
    const workspace = { teamId: 'T1', enterpriseId: undefined, installedIn: 'either' } as const;
    const away = () => Promise.reject(new Error('Slack is away'));
    await expect(findAmong(find(undefined), away)(workspace)).rejects.toThrow('away');
  });
});
