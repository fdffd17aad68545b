import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { updateTenant } from '../../src/db/tenants.ts';
import { TOO_MANY_MESSAGES } from '../../src/domain/words.ts';
import { eventually } from '../support/eventually.ts';
import { talk } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let deployment: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  deployment = await startSystem({ slack: true });
  await updateTenant(deployment.database.operator, deployment.tenantId, {
    rateLimits: { user: { burst: 1, perMinute: 1 } },
  });
  ada = talk(deployment);
});
afterAll(() => deployment.stop());

test('too many messages: in Slack one polite line; other users unaffected', async () => {
  const said = [await ada.mention('first'), await ada.mention('second'), await ada.mention('third')];
  const statuses = [];
  for (const { event } of said) statuses.push((await deployment.send(event)).status);
  expect(statuses).toEqual([200, 200, 200]);
  expect(await ada.outcomes('rate_limited')).toBe(2);
  expect(await ada.turns()).toBe(1);

  const bobs = await ada.mention('and me?');
  await deployment.send({ ...bobs.event, user: deployment.slack.people.bob });
  expect(await ada.answers(bobs)).toEqual(['Noted: and me?']);

  const [first, ...refused] = said;
  expect(first && (await ada.answers(first))).toEqual(['Noted: first']);
  const notices = () =>
    deployment.slack.callsOf('chat.postMessage').filter(({ body }) => body['text'] === TOO_MANY_MESSAGES);
  await eventually(() => notices().length > 0, { what: 'the polite line' });
  expect(refused.map(({ thread }) => thread)).toContain(notices()[0]?.body['thread_ts']);
  expect(notices()).toHaveLength(1);
});

test('files are read before a message counts, and so for 120 messages a minute of one person', async () => {
  const { slack } = deployment;
  const file = slack.keepFile({ name: 'a.txt', mimetype: 'text/plain', pretty_type: 'Text', content: 'x' });
  const reads = () => slack.calls.filter(({ method }) => method.startsWith('/files-pri/')).length;
  const sendOne = async (user: string): Promise<void> => {
    const { event } = await ada.direct('read this');
    const sent = { ...event, user, subtype: 'file_share', files: [file], upload: true };
    expect((await deployment.send(sent)).status).toBe(200);
  };
  for (let i = 0; i < 125; i += 1) await sendOne('UEVE');
  expect(reads()).toBe(120);
  await sendOne('UMALLORY');
  expect(reads()).toBe(121);
}, 60_000);
