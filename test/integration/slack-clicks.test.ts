/** Clicks that nobody can have made, and payloads that are none: refused or left out, and the API goes on. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HAND_BACK } from '../../src/channels/slack/handover/tell-people.ts';
import { FORGET_ONE } from '../../src/channels/slack/home/home-view.ts';
import { ASK_FOR_PERSON, FEEDBACK, WHY } from '../../src/channels/slack/outbound/reply-buttons.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let system: SlackSystem;
beforeAll(async () => {
  system = await startSystem({ slack: true });
});
afterAll(() => system.stop());

const post = (body: string) =>
  system.post('/slack/interactions', body, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
const send = (payload: unknown) => post(new URLSearchParams({ payload: JSON.stringify(payload) }).toString());
const click = (...actions: object[]) => ({
  type: 'block_actions',
  user: { id: 'U1', team_id: system.slack.team },
  team: { id: system.slack.team },
  channel: { id: 'C1' },
  message: { ts: '1.2' },
  actions,
});
const nothingIsDone = async (): Promise<void> => {
  const { rows } = await system.database.admin.query(
    'SELECT 1 FROM escalations UNION ALL SELECT 1 FROM feedback UNION ALL SELECT 1 FROM erasures',
  );
  expect(rows).toEqual([]);
};

test.each([null, [], 1, 'x', {}, { type: 'block_actions' }, { type: 'view_submission', user: { id: 'U1' } }])(
  'a payload that is %j',
  async (payload) => {
    expect((await send(payload)).status).toBe(200);
  },
);

test('values that are not ours, unknown actions, other places', async () => {
  const payloads = [
    click(),
    click({ action_id: 'somebody_elses', value: 'x' }),
    click({ action_id: 'x'.repeat(256), value: 'x' }),
    click({ action_id: WHY, value: 'not an id' }),
    click({ action_id: WHY, value: null }),
    click({ action_id: FEEDBACK, value: 'good ../../etc' }),
    click({ action_id: FEEDBACK, value: `good ${system.tenantId}` }),
    click({ action_id: HAND_BACK, value: '\u0000' }),
    click({ action_id: FORGET_ONE, value: "' OR true" }),
    click({ action_id: ASK_FOR_PERSON, value: 'slack:T0OTHER:C1:1.2' }),
    click({ action_id: ASK_FOR_PERSON, value: `slack:${system.slack.team}:C0OTHER:1.2` }),
    { ...click({ action_id: ASK_FOR_PERSON }), channel: null },
    { ...click({ action_id: ASK_FOR_PERSON }), message: { ts: 'now' } },
    { ...click({ action_id: ASK_FOR_PERSON }), team: { id: 'T0OTHER' } },
    { ...click({ action_id: ASK_FOR_PERSON }), user: {} },
  ];
  for (const payload of payloads) expect([payload, (await send(payload)).status]).toEqual([payload, 200]);
  await nothingIsDone();
});

test('bodies that are no form, are deep, or are long', async () => {
  for (const body of ['', 'payload=', 'payload=%ff%fe%00', `payload=${'['.repeat(900_000)}`]) {
    expect((await post(body)).status).toBe(200);
  }
  expect((await post(`payload=${'x'.repeat(2_000_000)}`)).status).toBe(200);
  await nothingIsDone();
});
