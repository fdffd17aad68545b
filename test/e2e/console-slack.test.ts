/** What is done on the console's page about Slack, by keyboard, and what Slack then sees of it. */
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { expectFocus, pressKey, typeInto, violationsInBoth } from '../support/browser.ts';
import { HAS_BROWSER, inBrowser, startConsole, told, type ConsoleOf } from '../support/console.ts';
import { eventually } from '../support/eventually.ts';
import { talk } from '../support/slack-talk.ts';
import { SLACK_OAUTH, type SlackSystem } from '../support/system.ts';

jest.setTimeout(120_000);

let opened: ConsoleOf<SlackSystem>;
let system: SlackSystem;

beforeAll(async () => {
  if (!HAS_BROWSER) return;
  opened = await startConsole({ slack: true, env: SLACK_OAUTH });
  system = opened.system;
});
afterAll(() => (HAS_BROWSER ? opened.stop() : undefined));

async function slackPage(): Promise<Page> {
  const page = await opened.signedIn(system.apiKey);
  await page.goto('/console/slack');
  await page.getByRole('heading', { name: 'Channels' }).waitFor();
  return page;
}
const partOf = (page: Page, title: string): Locator =>
  page.locator('section').filter({ has: page.getByRole('heading', { name: title }) });
async function chooseMara(page: Page, part: Locator): Promise<void> {
  await pressKey(page, part.getByRole('button', { name: /Agent/ }));
  await page.getByRole('option', { name: /Mara/ }).waitFor();
  await page.keyboard.press('Enter');
}

inBrowser('a link to install by is made, and what was installed by it is shown', async () => {
  const page = await slackPage();
  const part = partOf(page, 'Install in a company’s Slack');
  const make = part.getByRole('button', { name: 'Make a link' });
  await pressKey(page, make);
  await told(page, 'Choose an agent first.').waitFor();
  await expectFocus(make);
  await chooseMara(page, part);
  await pressKey(page, make);
  await told(page, 'The link is made: it stands below.').waitFor();
  await expectFocus(make);
  const link = (await part.getByRole('group', { name: 'The link' }).locator('code').textContent()) ?? '';

  const answer = await fetch(link, { redirect: 'manual' });
  expect(answer.status).toBe(302);
  const state = new URL(answer.headers.get('location') ?? '').searchParams.get('state') ?? '';
  const cookie = answer.headers.getSetCookie().map((text) => text.split(';')[0] ?? '');
  const code = system.slack.oauth.agree({ team: 'T777', name: 'Acme' });
  const back = new URLSearchParams({ code, state }).toString();
  const headers = { cookie: cookie.join('; ') };
  expect((await fetch(`${system.baseUrl}/slack/oauth_redirect?${back}`, { headers })).status).toBe(200);
  await page.reload();
  const place = page
    .getByRole('list', { name: 'Workspaces' })
    .getByRole('listitem')
    .filter({ hasText: 'T777' });
  await place.getByText(/Mara speaks there/).waitFor();
  await page.context().close();
});

inBrowser('a channel gets an agent of its own, and is given back', async () => {
  const page = await slackPage();
  const part = partOf(page, 'Channels');
  const channel = part.getByLabel('Channel’s id in Slack');
  const give = part.getByRole('button', { name: 'Give it this agent' });
  await chooseMara(page, part);
  await typeInto(page, channel, 'general');
  await pressKey(page, give);
  await expectFocus(channel);
  await part.getByText('Must be the id of a channel in Slack (C…)').waitFor();
  await typeInto(page, channel, 'C0123456789');
  await pressKey(page, give);
  await told(page, 'Mara speaks in C0123456789 now.').waitFor();
  await expectFocus(give);
  const bound = async () => (await system.request('GET', '/v1/slack/channels')).body['channels'];
  expect(await bound()).toEqual([{ channelId: 'C0123456789', agentId: system.agent.id }]);
  const row = part.getByRole('list', { name: 'Channels' }).getByRole('listitem');
  await row.getByText('C0123456789 has Mara').waitFor();
  expect(await violationsInBoth(page, 'slack')).toEqual([]);
  await pressKey(page, row.getByRole('button', { name: 'Take out Mara of C0123456789' }));
  await told(page, 'The workspace’s own agent speaks in C0123456789 now.').waitFor();
  await row.waitFor({ state: 'detached' });
  // The next thing to do there.
  await expectFocus(channel);
  expect(await bound()).toEqual([]);
  await page.context().close();
});

inBrowser('a thread is handed back, and the agent speaks there again', async () => {
  const ada = talk(system);
  const said = await ada.mention('I need help with my invoice');
  await system.send(said.event);
  await ada.answers(said);
  const threadId = `slack:${system.slack.team}:${said.channel}:${said.thread}`;
  await system.request('POST', `/v1/threads/${encodeURIComponent(threadId)}/escalation`);

  const page = await slackPage();
  const part = partOf(page, 'Threads that a person has taken over');
  await part.getByText(/Mara has been silent since/).waitFor();
  expect(await violationsInBoth(page, 'hand-overs')).toEqual([]);
  // The list comes anew by itself, and says no name where the API knows of no agent.
  await page.clock.install();
  await page.reload();
  await part.getByText(/Mara has been silent since/).waitFor();
  await page.route('**/v1/escalations*', async (route) => {
    const response = await route.fetch();
    const { escalations, ...rest } = (await response.json()) as { escalations: object[] };
    const json = { ...rest, escalations: escalations.map((one) => ({ ...one, agentId: null })) };
    await route.fulfill({ response, json });
  });
  await eventually(async () => {
    await page.clock.fastForward(31_000);
    return (await part.getByText(/^The agent has been silent since/).count()) > 0;
  });
  await pressKey(page, part.getByRole('button', { name: `Hand back to the agent, thread ${threadId}` }));
  await told(page, 'The agent speaks in that thread again.').waitFor();
  await part.getByText('The agents speak in every thread').waitFor();
  await expectFocus(part.getByRole('heading'));
  await page.unrouteAll({ behavior: 'ignoreErrors' });

  const before = (await system.slack.answers(said.channel, said.thread)).length;
  const again = await ada.mention('And now?', said.thread);
  await system.send(again.event);
  const texts = await ada.answers(again, before + 1);
  expect(texts.at(-1)).toBe('Noted: And now?');
  await page.context().close();
});

inBrowser('everything comes from here, under a policy that nothing has tried to break', () =>
  opened.expectNothingForeign(),
);
