/** Clicks in an organisation (Enterprise Grid): people are the same in all its workspaces. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HAND_BACK } from '../../src/channels/slack/handover/tell-people.ts';
import { FORGET_ALL } from '../../src/channels/slack/home/home-view.ts';
import { ASK_FOR_PERSON, WHY } from '../../src/channels/slack/outbound/reply-buttons.ts';
import { NOT_ALLOWED } from '../../src/domain/words.ts';
import { eventually } from '../support/eventually.ts';
import { talk, type Said } from '../support/slack-talk.ts';
import { SLACK_OAUTH, startSystem, type SlackSystem } from '../support/system.ts';

const ORGANISATION = 'E0GROUP';
const [FIRST, SECOND] = ['T0FIRST', 'T0SECOND'];

let system: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  const agent = { name: 'Mara', escalation: { people: ['UHUMAN'] } };
  system = await startSystem({ slack: true, env: SLACK_OAUTH, agent });
  ada = talk(system);
  const made = await system.request('POST', `/v1/agents/${system.agent.id}/slack/install-link`);
  const begun = await fetch(String(made.body['url']), { redirect: 'manual' });
  const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state') ?? '';
  const cookie = begun.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const code = system.slack.oauth.agree({ organisation: ORGANISATION, name: 'Acme Group' });
  const query = new URLSearchParams({ code, state }).toString();
  const installed = await fetch(`${system.baseUrl}/slack/oauth_redirect?${query}`, { headers: { cookie } });
  expect(installed.status).toBe(200);
  system.slack.joinOrganisation(system.slack.people.ada, ORGANISATION, [FIRST, SECOND]);
  system.slack.joinOrganisation('UHUMAN', ORGANISATION, [SECOND]);
});
afterAll(() => system.stop());

/** Ada asks in the first workspace, and is answered. */
async function answered(text: string): Promise<Said & { messageId: string }> {
  const said = await ada.mention(text);
  await system.send(
    { ...said.event, user_team: SECOND },
    {
      envelope: {
        team_id: FIRST,
        enterprise_id: ORGANISATION,
        context_team_id: FIRST,
        authorizations: [{ team_id: null, enterprise_id: ORGANISATION, is_enterprise_install: true }],
      },
    },
  );
  await ada.answers(said);
  const { rows } = await system.database.admin.query<{ message_id: string; user_id: string }>(
    'SELECT message_id, user_id FROM turns ORDER BY received_at DESC LIMIT 1',
  );
  expect(rows[0]?.user_id).toBe(`slack:${ORGANISATION}:${system.slack.people.ada}`);
  return { ...said, messageId: rows[0]?.message_id ?? '' };
}
/** Where the app is installed for all of an organisation, Slack names no workspace but that of who clicks. */
const click = (
  said: Said,
  action: { action_id: string; value?: string | undefined },
  user: { id: string; team_id?: string } = { id: system.slack.people.ada, team_id: SECOND },
) => {
  const payload = {
    type: 'block_actions',
    user,
    team: null,
    enterprise: { id: ORGANISATION, name: 'Acme Group' },
    is_enterprise_install: true,
    channel: { id: said.channel },
    message: { ts: said.ts, thread_ts: said.thread },
    trigger_id: '1.2.3',
    actions: [{ type: 'button', ...action }],
  };
  return system.post(
    '/slack/interactions',
    new URLSearchParams({ payload: JSON.stringify(payload) }).toString(),
    {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    },
  );
};
const lastPrivate = () => system.slack.callsOf('chat.postEphemeral').at(-1)?.body;
const threadIdOf = (said: Said) => `slack:${FIRST}:${said.channel}:${said.thread}`;
const isOpen = async (said: Said) =>
  (await system.request('GET', `/v1/threads/${encodeURIComponent(threadIdOf(said))}/escalation`)).status ===
  200;

test('who has asked sees why, from whichever workspace they look', async () => {
  const said = await answered('from the first workspace');
  expect((await click(said, { action_id: WHY, value: said.messageId })).status).toBe(200);
  expect(lastPrivate()).toMatchObject({ text: expect.stringContaining('recalled') });
});

describe('somebody of another company with the same id', () => {
  test('is refused, whatever Slack knows of the id', async () => {
    const said = await answered('mine alone');
    for (const team_id of ['T0STRANGE', 'E0STRANGE']) {
      const stranger = { id: system.slack.people.ada, team_id };
      await click(said, { action_id: WHY, value: said.messageId }, stranger);
      expect(lastPrivate()).toMatchObject({ text: NOT_ALLOWED });
    }
    await click(said, { action_id: WHY, value: said.messageId }, { id: 'USTRANGE', team_id: 'T0STRANGE' });
    expect(lastPrivate()).toMatchObject({ user: 'USTRANGE', text: NOT_ALLOWED });
  });
});

test('a thread is handed over by its button, and back from the workspace of whoever was named', async () => {
  const said = await answered('who helps me?');
  const [reply] = await ada.messages(said);
  const value = /"action_id":"konstruct_ask_for_person","value":"([^"]+)"/.exec(
    JSON.stringify(reply?.blocks),
  )?.[1];
  expect(value).toBe(threadIdOf(said));
  // A button's thread counts in its own channel alone.
  await click({ ...said, channel: 'C0OTHER' }, { action_id: ASK_FOR_PERSON, value });
  expect(await isOpen(said)).toBe(false);
  await click(said, { action_id: ASK_FOR_PERSON, value });
  expect(await isOpen(said)).toBe(true);
  await click(
    said,
    { action_id: HAND_BACK, value: threadIdOf(said) },
    { id: 'UHUMAN', team_id: 'T0STRANGE' },
  );
  expect(await isOpen(said)).toBe(true);
  await click(said, { action_id: HAND_BACK, value: threadIdOf(said) }, { id: 'UHUMAN', team_id: SECOND });
  expect(await isOpen(said)).toBe(false);
});

test('while Slack can’t say whose they are, a click is to be made again', async () => {
  const said = await answered('nobody knows me yet');
  system.slack.joinOrganisation('UNEW', ORGANISATION, [SECOND]);
  const bystander = { id: 'UNEW', team_id: SECOND };
  system.slack.fail('users.info', { kind: 'status', status: 503, when: (body) => body['user'] === 'UNEW' });
  expect((await click(said, { action_id: WHY, value: said.messageId }, bystander)).status).toBe(503);
  expect((await click(said, { action_id: WHY, value: said.messageId }, bystander)).status).toBe(200);
});

test('what they forget on the Home tab is theirs in all workspaces', async () => {
  const userId = `slack:${ORGANISATION}:${system.slack.people.ada}`;
  const memories = async () => (await system.memoryOf(userId)).body['memories'] as unknown[];
  const said = await answered('to be forgotten');
  await eventually(async () => (await memories()).length > 0);
  expect((await click(said, { action_id: FORGET_ALL })).status).toBe(200);
  await eventually(async () => (await memories()).length === 0, { what: 'an empty memory' });
});
