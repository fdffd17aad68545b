/** The console for whoever works by keyboard, by ear, in the dark or on a phone, and when something fails. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import type { Locator, Page, Route } from 'playwright-core';
import {
  expectFocus,
  expectNoSidewaysScroll,
  pressKey,
  tabTo,
  typeInto,
  violationsInBoth,
  violationsOn,
} from '../support/browser.ts';
import { issueApiKey } from '../../src/db/api-keys.ts';
import { HAS_BROWSER, inBrowser, startConsole, told, type ConsoleOf } from '../support/console.ts';
import { eventually } from '../support/eventually.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { memoryOf } from '../support/memory.ts';
import { createTestTenant } from '../support/services.ts';
import { OPERATOR_TOKEN, type System } from '../support/system.ts';

jest.setTimeout(180_000);

const UI_URL = 'http://temporal.invalid:8233/';
/** As long as they may be, and without a place to break. */
const LONG_NAME = 'Maximiliane'.repeat(16);
const LONG_USER = `user-${'0123456789'.repeat(19)}`;

let opened: ConsoleOf<System>;
let system: System;
let signedIn: ConsoleOf<System>['signedIn'];

beforeAll(async () => {
  if (!HAS_BROWSER) return;
  opened = await startConsole({ temporalUiUrl: UI_URL });
  ({ system, signedIn } = opened);
});
afterAll(() => (HAS_BROWSER ? opened.stop() : undefined));

const heading = (page: Page, name: string | RegExp): Locator => page.getByRole('heading', { level: 1, name });
const answering = (status: number, body: object) => (route: Route) =>
  route.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) });
const NOW = '2026-11-29T09:00:00.000Z';
/** Keeps what is posted there until it is released, and counts it. */
async function holdPosts(page: Page, url: string): Promise<{ count: number; release: () => void }> {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const posts = { count: 0, release };
  await page.route(url, async (route) => {
    if (route.request().method() === 'POST') {
      posts.count += 1;
      await held;
    }
    await route.continue();
  });
  return posts;
}
const AWAY = answering(503, { title: 'Temporarily unavailable', detail: 'Temporal is away.', status: 503 });

/** Exchanges of a user of the system's agent, the first that is given told first. */
async function remember(userId: string, ...messages: string[]): Promise<void> {
  const scope = { tenantId: system.tenantId, agentId: system.agent.id, userId };
  const memory = memoryOf({ ...system, pool: system.database.pool }, scope);
  for (const user of messages) await memory.tell({ user });
}

inBrowser('whoever signs in, and whoever goes to another page, is at its heading', async () => {
  const page = await signedIn(await opened.newKey('read'), {
    viewport: { width: 360, height: 740 },
    isMobile: true,
  });
  await expectFocus(heading(page, 'Overview'));
  for (const place of ['Agents', 'Memory', 'Audit log']) {
    await pressKey(page, page.getByRole('button', { name: 'Menu' }));
    await pressKey(page, page.getByRole('dialog').getByRole('link', { name: place }));
    await expectFocus(heading(page, place));
    expect(await page.title()).toBe(`${place} · Konstruct`);
  }
  await pressKey(page, page.getByRole('button', { name: 'Menu' }));
  await pressKey(page, page.getByRole('dialog').getByRole('link', { name: 'Agents' }));
  await pressKey(page, page.getByRole('link', { name: /^Mara/ }));
  await expectFocus(heading(page, 'Mara'));
  await page.goto('/console/no/such/page');
  await heading(page, 'There is no such page').waitFor();
  await pressKey(page, page.getByRole('link', { name: 'To the beginning' }));
  await expectFocus(heading(page, 'Overview'));
  await page.context().close();
});

inBrowser('saving an agent keeps the place, and says what became of it', async () => {
  const page = await signedIn(system.apiKey);
  await pressKey(page, page.getByRole('link', { name: 'Agents', exact: true }));
  await pressKey(page, page.getByRole('link', { name: /^Mara/ }));
  const save = page.getByRole('button', { name: 'Save' });
  await typeInto(page, page.getByLabel('Job title'), 'Librarian');
  await page.getByText('Not saved yet').waitFor();
  await expectToBeKept(page, page.getByLabel('Job title'), 'Librarian');
  await pressKey(page, save);
  await told(page, 'Saved.').waitFor();
  await expectFocus(save);
  expect(await page.getByText('Not saved yet').count()).toBe(0);
  await page.keyboard.press('Enter');
  await told(page, 'Nothing has been changed here.').waitFor();
  await expectFocus(save);

  // A number is what was typed, also when it is passed or scrolled over. Arrows go by hundredths.
  const threshold = page.getByLabel('Threshold');
  const before = await threshold.inputValue();
  await typeInto(page, threshold, '0.41235');
  await page.keyboard.press('Tab');
  await tabTo(page, threshold);
  await threshold.dispatchEvent('wheel', { deltaY: 100 });
  expect(await threshold.inputValue()).toBe('0.41235');
  await page.keyboard.press('ArrowUp');
  expect(await threshold.inputValue()).toBe('0.42235');
  await typeInto(page, threshold, before);
  await page.keyboard.press('Tab');
  await page.getByText('Not saved yet').waitFor({ state: 'detached' });

  await typeInto(page, page.getByLabel('Exchanges at most'), '99');
  await pressKey(page, save);
  await expectFocus(page.getByLabel('Exchanges at most'));
  await typeInto(page, page.getByLabel('Exchanges at most'), '4');
  // A field that is folded away is shown when something is wrong with it.
  const folded = page.getByText('Model and Slack');
  await pressKey(page, folded);
  await typeInto(page, page.getByLabel('Who takes over in Slack'), 'nobody');
  await pressKey(page, folded);
  await page.getByLabel('Who takes over in Slack').waitFor({ state: 'hidden' });
  await pressKey(page, save);
  await expectFocus(page.getByLabel('Who takes over in Slack'));
  await typeInto(page, page.getByLabel('Who takes over in Slack'), 'U0123456789');
  await page.route(`**/v1/agents/${system.agent.id}`, AWAY);
  await pressKey(page, save);
  await page.getByRole('alert').getByText('Temporal is away.').waitFor();
  await expectFocus(save);
  await page.context().close();
});

/** What is not saved is not left without a question, wherever somebody goes. */
async function expectToBeKept(page: Page, field: Locator, text: string): Promise<void> {
  const question = page.getByRole('alertdialog', { name: 'Leave without saving?' });
  const agents = page.getByRole('link', { name: 'Agents', exact: true });
  const stay = async (): Promise<void> => {
    await question.waitFor();
    await expectFocus(question.getByRole('button', { name: 'Stay' }));
    await page.keyboard.press('Enter');
    await question.waitFor({ state: 'detached' });
    expect(await field.inputValue()).toBe(text);
  };
  await pressKey(page, agents);
  expect(await violationsInBoth(page, 'unsaved')).toEqual([]);
  await stay();
  await expectFocus(agents);
  const address = page.url();
  await page.evaluate('history.back()');
  await stay();
  expect(page.url()).toBe(address);
  // As the browser asks before it loads another page.
  const isHeld = '!dispatchEvent(new Event("beforeunload", { cancelable: true }))';
  expect(await page.evaluate<boolean>(isHeld)).toBe(true);
  await page.evaluate('history.back()');
  await pressKey(page, question.getByRole('button', { name: 'Leave' }));
  await expectFocus(heading(page, 'Agents'));
  expect(await page.evaluate<boolean>(isHeld)).toBe(false);
  await pressKey(page, page.getByRole('link', { name: /^Mara/ }));
  await typeInto(page, field, text);
}
inBrowser('whoever has gone elsewhere while an agent is made is left there', async () => {
  const page = await signedIn(system.apiKey);
  await page.goto('/console/agents/new');
  const posts = await holdPosts(page, '**/v1/agents');
  await typeInto(page, page.getByLabel('Name'), 'Noor');
  await page.keyboard.press('Enter');
  await pressKey(page, page.getByRole('link', { name: 'Audit log' }));
  posts.release();
  await told(page, 'Noor is made.').waitFor();
  await expectFocus(heading(page, 'Audit log'));
  await page.context().close();
});

inBrowser('what is forgotten is told, and hands the focus on', async () => {
  const page = await signedIn(system.apiKey);
  await page.goto(`/console/memory/${system.agent.id}/ivy`);
  // What is stored while somebody looks is shown.
  await page.getByText('Nothing is remembered yet').waitFor();
  await remember('ivy', 'My boat is called Ariadne.', 'My dog is called Argos.', 'My cat is called Kirke.');
  await page.getByRole('row').filter({ hasText: 'Ariadne' }).waitFor();
  await remember('ivy', 'My horse is called Xanthos.');
  await page.getByRole('row').filter({ hasText: 'Xanthos' }).waitFor();
  const forget = async (list: Locator, text: string): Promise<void> => {
    await pressKey(page, list.filter({ hasText: text }).getByRole('button', { name: 'Forget' }));
    await pressKey(page, page.getByRole('dialog').getByRole('button', { name: 'Forget' }));
    await list.filter({ hasText: text }).waitFor({ state: 'detached' });
    await told(page, 'The exchange is forgotten.').waitFor();
  };
  await expectToGoLater(page, 'Xanthos');
  await page.reload();
  // Within the list the arrows lead from row to row.
  await tabTo(page, page.getByRole('row').first());
  await page.keyboard.press('ArrowDown');
  await forget(page.getByRole('row'), 'Argos');
  await eventually(() =>
    page.evaluate<boolean>('document.activeElement.closest("[role=row]")?.textContent.includes("Ariadne")'),
  );
  await pressKey(page, page.getByRole('tab', { name: 'Long-term' }));
  await page.keyboard.press('ArrowRight');
  await typeInto(page, page.getByLabel('Look for'), 'What is my boat called?');
  await page.keyboard.press('Enter');
  const items = page.getByRole('list', { name: /What fits/ }).getByRole('listitem');
  await items.first().waitFor();
  const found = await items.count();
  await told(page, `${found} exchange${found === 1 ? '' : 's'} found, the best first.`).waitFor();
  await forget(items, 'Ariadne');
  expect(await page.evaluate<string>('document.activeElement.tagName')).not.toBe('BODY');
  await page.getByRole('button', { name: 'Clear search' }).click();
  expect(await page.getByLabel('Look for').inputValue()).toBe('');
  await typeInto(page, page.getByLabel('Look for'), 'qwertz');
  await page.getByRole('button', { name: /By/ }).click();
  await page.getByRole('option', { name: /^Words$/ }).click();
  await pressKey(page, page.getByRole('button', { name: 'Search', exact: true }));
  await told(page, 'Nothing fits.').waitFor();
  await page.context().close();
});

/** An exchange whose end the API has not seen stays, and goes when it has. */
async function expectToGoLater(page: Page, text: string): Promise<void> {
  const erasureId = randomUUID();
  const isOne = (url: URL): boolean => /\/users\/ivy\/memory\/[\w-]+$/.test(url.pathname);
  const isEnd = (url: URL): boolean => url.pathname === `/v1/erasures/${erasureId}`;
  const erasure = (finishedAt: string | null) =>
    answering(200, { erasureId, requestedAt: NOW, finishedAt, removed: {}, remains: [] });
  let exchange = '';
  await page.route(isOne, (route) => {
    exchange = new URL(route.request().url()).pathname;
    expect(route.request().headers()['prefer']).toBe('wait=10');
    return answering(202, { erasureId })(route);
  });
  await page.route(isEnd, erasure(null));
  const row = page.getByRole('row').filter({ hasText: text });
  await row.getByRole('button', { name: 'Forget' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Forget' }).click();
  await told(page, 'The exchange is being forgotten. It goes from here when that is done.').waitFor();
  await page.waitForResponse((response) => isEnd(new URL(response.url())));
  await row.getByText('Being forgotten …').waitFor();
  expect(await row.getByRole('button', { name: 'Forget' }).count()).toBe(0);
  await page.unroute(isOne);
  await page.route(isEnd, AWAY);
  await page.waitForResponse((response) => isEnd(new URL(response.url())) && response.status() === 503);
  await system.request('DELETE', exchange, undefined, { prefer: 'wait=60' });
  await page.route(isEnd, erasure(NOW));
  await row.waitFor({ state: 'detached' });
  await told(page, 'The exchange is forgotten.').waitFor();
}

inBrowser('who asks for more of a list goes on at what has come', async () => {
  for (let i = 0; i < 55; i += 1) await opened.newTenant(`Tenant ${i}`);
  const page = await signedIn(OPERATOR_TOKEN);
  await pressKey(page, page.getByRole('button', { name: 'Show more' }));
  await told(page, 'The list is complete now.').waitFor();
  const rows = page.getByRole('list', { name: 'Tenants' }).getByRole('link');
  await expectFocus(rows.nth(50));
  await page.context().close();
});

inBrowser('a key ends on its day, is replaced and revoked, and all of it is told', async () => {
  const { tenantId, apiKey } = await createTestTenant(system.database.pool, { name: 'Otto' });
  const past = { name: 'the old shop', expiresAt: '2020-05-04T09:30:00.000Z' };
  await issueApiKey(system.database.operator, tenantId, past);
  const theirs = await signedIn(apiKey);
  const page = await signedIn(OPERATOR_TOKEN);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`/console/tenants/${tenantId}`);
  const lastDay = page.getByLabel('Last day');
  await lastDay.fill('2020-05-04');
  await typeInto(page, page.getByLabel('What it is for'), 'the archive');
  await page.keyboard.press('Enter');
  await page.getByText('Must be in the future').waitFor();
  await lastDay.fill('2099-05-04');
  await pressKey(page, page.getByRole('button', { name: 'Make a key' }));
  await told(page, 'The key is made. It stands below, this once.').waitFor();
  const shown = page.getByRole('group', { name: 'API key' });
  const first = (await shown.locator('code').textContent()) ?? '';
  await pressKey(page, shown.getByRole('button', { name: 'Copy' }));
  await shown.getByRole('button', { name: 'Copied' }).waitFor();
  const agents = (bearer: string) =>
    system.request('GET', '/v1/models', undefined, { authorization: `Bearer ${bearer}` });
  expect((await agents(first)).status).toBe(200);
  const rows = page.getByRole('list', { name: 'API keys' }).getByRole('listitem');
  const ended = rows.filter({ hasText: 'the old shop' });
  await ended.getByText('expired').waitFor();
  expect(await ended.getByRole('button').allTextContents()).toEqual(['Revoke']);

  await rows.filter({ hasText: 'the archive' }).getByText('ends 4 May 2099').waitFor();
  await pressKey(page, page.getByRole('button', { name: 'Replace the archive' }));
  await pressKey(page, page.getByRole('dialog').getByRole('button', { name: 'Replace' }));
  await told(page, 'the archive is replaced. The new key stands below, this once.').waitFor();
  await eventually(() => page.evaluate<boolean>('document.activeElement !== document.body'));
  const key = (await shown.locator('code').textContent()) ?? '';
  await shown.getByRole('button', { name: 'Copy', exact: true }).waitFor();
  expect((await agents(first)).status).toBe(401);
  expect((await agents(key)).status).toBe(200);
  const revoke = async (row: Locator, button: Locator): Promise<void> => {
    await pressKey(page, button);
    expect(await violationsInBoth(page, 'revoke')).toEqual([]);
    await pressKey(page, page.getByRole('dialog').getByRole('button', { name: 'Revoke' }));
    await row.getByText('revoked').waitFor();
    await eventually(() => page.evaluate<boolean>('document.activeElement !== document.body'));
  };
  const archive = rows.filter({ hasText: 'the archive' }).last();
  await expectToFailAloud(page, () =>
    pressKey(page, archive.getByRole('button', { name: 'Revoke the archive' })),
  );
  await revoke(archive, archive.getByRole('button', { name: 'Revoke the archive' }));
  await told(page, 'the archive is revoked.').waitFor();
  expect((await agents(key)).status).toBe(401);
  expect((await agents(apiKey)).status).toBe(200);
  const own = rows.first();
  await revoke(own, own.getByRole('button', { name: /^Revoke/ }));
  await theirs.getByRole('link', { name: 'Agents' }).click();
  await theirs.getByLabel('Key or token').waitFor();
  await theirs.context().close();
  await page.context().close();
});

/** What a question has begun can't be left while it runs, and its failure is told, on another page too. */
async function expectToFailAloud(page: Page, open: () => Promise<void>): Promise<void> {
  const dialog = page.getByRole('dialog');
  const isKey = (url: URL): boolean => /\/api-keys\/[\w-]+$/.test(url.pathname);
  let answer = (): void => {};
  const confirm = async (): Promise<void> => {
    const held = new Promise<void>((resolve) => (answer = resolve));
    const asking = page.waitForRequest((request) => isKey(new URL(request.url())));
    await page.route(isKey, async (route) => {
      await held;
      await AWAY(route);
    });
    await pressKey(page, dialog.getByRole('button', { name: 'Revoke' }));
    await asking;
  };
  await open();
  await confirm();
  await page.keyboard.press('Escape');
  expect(await dialog.getByRole('button', { name: 'Cancel' }).isDisabled()).toBe(true);
  answer();
  await dialog.getByRole('alert').getByText('Temporal is away.').waitFor();
  await confirm();
  const address = page.url();
  await page.evaluate('history.pushState(null, "", "/console/audit")');
  await heading(page, 'Audit log').waitFor();
  answer();
  await page
    .getByRole('status')
    .getByText(/that has failed. Temporal is away.$/)
    .waitFor();
  await page.unroute(isKey);
  await page.goto(address);
}

inBrowser('the operator sees of whom each entry of the audit log is', async () => {
  const key = await opened.newTenant('The lighthouse');
  await system.request('POST', '/v1/agents', { name: 'Lux' }, { authorization: `Bearer ${key}` });
  const page = await signedIn(OPERATOR_TOKEN);
  await pressKey(page, page.getByRole('link', { name: 'Audit log' }));
  await page.getByRole('columnheader', { name: 'Tenant' }).waitFor();
  const made = page.getByRole('row').filter({ hasText: 'agent.create' }).first();
  await made.getByRole('link', { name: 'The lighthouse' }).waitFor();
  // What concerned no tenant: the operator's own sign-in.
  const entered = page.getByRole('row').filter({ hasText: 'session.start' }).first();
  expect(await entered.getByRole('cell').nth(1).textContent()).toBe('none');
  await made.getByRole('link', { name: 'The lighthouse' }).click();
  await expectFocus(heading(page, 'The lighthouse'));
  // Where the list of tenants has no room for it, it is asked for by itself.
  await page.route(
    (url) => url.pathname === '/v1/tenants',
    answering(200, { tenants: [], nextCursor: null }),
  );
  await page.goto('/console/audit');
  await made.getByRole('link', { name: 'The lighthouse' }).waitFor();
  await page.context().close();

  const tenant = await signedIn(key, { timezoneId: 'Asia/Tokyo' });
  await tenant.getByText('Times are those of Asia/Tokyo').waitFor();
  await tenant.goto('/console/audit');
  const time = tenant.getByRole('table').locator('time').first();
  const at = new Date((await time.getAttribute('datetime')) ?? '');
  const inTokyo = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Asia/Tokyo' } as const;
  expect(await time.textContent()).toBe(at.toLocaleString('en-GB', inTokyo));
  await tenant.getByRole('columnheader', { name: 'Who' }).waitFor();
  expect(await tenant.getByRole('columnheader', { name: 'Tenant' }).count()).toBe(0);
  await tenant.context().close();
});

inBrowser('the first visit tells what fails, and says nothing is remembered before it is', async () => {
  const key = await opened.newTenant('The bakery');
  const page = await signedIn(key);
  await heading(page, 'Welcome').waitFor();
  await page.route('**/v1/agents', (route) =>
    route.request().method() === 'POST' ? AWAY(route) : route.fallback(),
  );
  await typeInto(page, page.getByLabel('Name'), 'Mara');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('Temporal is away.').waitFor();
  expect(await violationsInBoth(page, 'welcome, failed')).toEqual([]);
  await page.unroute('**/v1/agents');
  await typeInto(page, page.getByLabel('Name'), 'M'.repeat(201));
  await page.keyboard.press('Enter');
  await eventually(async () => (await page.getByLabel('Name').getAttribute('aria-invalid')) === 'true');
  await expectFocus(page.getByLabel('Name'));
  await typeInto(page, page.getByLabel('Name'), 'Mara');
  await page.keyboard.press('Enter');
  await told(page, 'Mara is made. Say something to Mara.').waitFor();
  const message = page.getByLabel('Message to Mara');
  await expectFocus(message);

  // Something older is remembered, and what is said now is not yet.
  const { agents } = (
    await system.request('GET', '/v1/agents', undefined, { authorization: `Bearer ${key}` })
  ).body as { agents: Array<{ id: string; tenantId: string }> };
  const { id: agentId, tenantId } = agents[0] ?? { id: '', tenantId: '' };
  await memoryOf({ ...system, pool: system.database.pool }, { tenantId, agentId, userId: 'ada' }).tell({
    user: 'I like rye bread.',
  });
  const longTerm = (url: URL): boolean =>
    url.pathname.endsWith('/users/ada/memory') && url.searchParams.get('limit') === '200';
  let isAway = false;
  await page.route(longTerm, async (route) => {
    if (isAway) return AWAY(route);
    const response = await route.fetch();
    const body = (await response.json()) as { memories: Array<{ content: string }> };
    const memories = body.memories.filter(({ content }) => !content.includes('poppy seed'));
    return route.fulfill({ response, json: { ...body, memories } });
  });
  await page.keyboard.type('I like poppy seed cake.');
  await page.keyboard.press('Enter');
  await page.getByText('Noted: I like poppy seed cake.').first().waitFor();
  const committing = page.getByText('Mara is committing it to memory …');
  await committing.waitFor();
  // Long enough for what is stored to have been looked at.
  await page.waitForResponse((response) => longTerm(new URL(response.url())));
  await page.waitForResponse((response) => longTerm(new URL(response.url())));
  expect(await page.getByText('remembers what you said').count()).toBe(0);
  isAway = true;
  await page.getByRole('alert').getByText('Temporal is away.').waitFor();
  await page.unroute(longTerm);
  await told(page, 'Mara remembers what you said.').waitFor();
  await page.locator('blockquote').getByText('I like poppy seed cake.').waitFor();
  expect(await page.getByRole('alert').count()).toBe(0);
  await page.context().close();
});

inBrowser('a page that can not be drawn says so, and the rest goes on', async () => {
  const page = await signedIn(system.apiKey);
  await page.route('**/v1/overview*', answering(200, { hours: 'none' }));
  await page.goto('/console/overview');
  await heading(page, 'This page can’t be shown').waitFor();
  await page.getByRole('alert').getByText('The console has failed to draw this').waitFor();
  expect(await violationsInBoth(page, 'failed')).toEqual([]);
  await pressKey(page, page.getByRole('link', { name: 'Agents', exact: true }));
  await page.getByRole('link', { name: /^Mara/ }).waitFor();
  await page.goto('/console/overview');
  await heading(page, 'This page can’t be shown').waitFor();
  await page.unroute('**/v1/overview*');
  await pressKey(page, page.getByRole('button', { name: 'Load it again' }));
  await heading(page, 'Overview').waitFor();

  // What stands around the pages may fail as well.
  await page.route(
    '**/console/session',
    answering(200, { kind: 'key', role: 'admin', tenantName: {}, keyName: '', workflowsUrl: null }),
  );
  await page.reload();
  await heading(page, 'The console can’t be shown').waitFor();
  await page.unroute('**/console/session');
  await pressKey(page, page.getByRole('link', { name: 'To the beginning' }));
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  await page.context().close();
});

inBrowser('a turn leads to its workflow in Temporal, where the API knows the Web UI', async () => {
  const said = await system.say('My boat is called Ariadne.', { userId: 'jon' });
  const { messageId, workflowId } = said.body as { messageId: string; workflowId: string };
  const page = await signedIn(system.apiKey);
  const { namespace } = system.temporal.options;
  const url = `http://temporal.invalid:8233/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`;
  await page.goto(`/console/turns/${messageId}`);
  const link = page.getByRole('link', { name: 'The workflow in Temporal' });
  await link.waitFor();
  expect(await link.getAttribute('href')).toBe(url);
  expect(await link.getAttribute('rel')).toBe('noreferrer');
  await page.goto(`/console/chat/${system.agent.id}/jon`);
  await page.getByLabel('Message to Mara').fill('Hello');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Why?' }).click();
  expect(
    await page
      .getByRole('dialog')
      .getByRole('link', { name: /in Temporal/ })
      .getAttribute('href'),
  ).toContain(`/namespaces/${namespace}/workflows/${encodeURIComponent(`${system.tenantId}:message:`)}`);
  await page.goto('/console/turns/00000000-0000-4000-8000-000000000000');
  await page.getByText('There is no story of this turn').waitFor();
  expect(await violationsInBoth(page, 'no story')).toEqual([]);
  await page.context().close();
});

inBrowser('axe finds nothing on the operator’s pages, in light and in dark', async () => {
  const page = await signedIn(OPERATOR_TOKEN);
  const found: string[] = [];
  const looked = async (name: string) => found.push(...(await violationsInBoth(page, name)));
  await page.getByRole('list', { name: 'Tenants' }).getByRole('link').first().waitFor();
  await looked('tenants');
  await typeInto(page, page.getByLabel('Name'), 'The mill');
  // Pressed twice, or held, Enter makes one tenant: of another the key would be lost.
  const posts = await holdPosts(page, '**/v1/tenants');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  posts.release();
  await page.getByRole('group', { name: 'API key' }).waitFor();
  expect(posts.count).toBe(1);
  await looked('a new tenant');
  await page.getByRole('link', { name: 'More keys' }).click();
  await page.getByRole('list', { name: 'API keys' }).waitFor();
  await page.getByLabel('What it is for').fill('the office');
  await page.keyboard.press('Enter');
  await page.getByRole('group', { name: 'API key' }).waitFor();
  await looked('tenant');
  await page.getByRole('button', { name: /Role/ }).click();
  await page.getByRole('option', { name: /^read/ }).waitFor();
  await looked('roles');
  await page.keyboard.press('Escape');
  await page.goto('/console/audit');
  await page.getByRole('table').waitFor();
  await looked('audit');
  await page.goto('/console/agents');
  await heading(page, 'There is no such page').waitFor();
  await looked('not found');
  await page.context().close();
  expect(found).toEqual([]);
});

inBrowser('on a phone nothing scrolls sideways, whatever people are called', async () => {
  const long = { authorization: `Bearer ${await opened.newTenant(LONG_NAME)}` };
  const made = await system.request('POST', '/v1/agents', { name: LONG_NAME, jobTitle: LONG_NAME }, long);
  const agentId = String(made.body['id']);
  const path = `/v1/agents/${agentId}/messages`;
  const said = await system.request(
    'POST',
    path,
    { userId: LONG_USER, text: LONG_NAME },
    {
      ...long,
      prefer: 'wait=60',
    },
  );
  const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
  const page = await signedIn(long.authorization.slice('Bearer '.length), phone);
  const looked = async (): Promise<void> => {
    await page.getByText('Loading').first().waitFor({ state: 'detached' });
    expect(await page.getByRole('alert').allTextContents()).toEqual([]);
    await expectNoSidewaysScroll(page);
    expect(await violationsOn(page)).toEqual([]);
  };
  for (const place of ['Overview', 'Chat', 'Memory', 'Agents', 'Slack', 'Audit log']) {
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('dialog').getByRole('link', { name: place }).waitFor();
    await expectNoSidewaysScroll(page);
    if (place === 'Overview') expect(await violationsInBoth(page, 'menu')).toEqual([]);
    await page.getByRole('dialog').getByRole('link', { name: place }).click();
    await heading(page, place).waitFor();
    await looked();
  }
  for (const at of [
    '/welcome',
    '/agents/new',
    `/agents/${agentId}`,
    `/chat/${agentId}/${LONG_USER}`,
    `/turns/${String(said.body['messageId'])}`,
    '/nowhere',
  ]) {
    await page.goto(`/console${at}`);
    await heading(page, /./).waitFor();
    await looked();
  }
  await page.goto(`/console/memory/${agentId}/${LONG_USER}`);
  await page.getByRole('row').first().waitFor();
  for (const tab of ['Long-term', 'Search', 'Window', /Take along/]) {
    await page.getByRole('tab', { name: tab }).click();
    await looked();
  }
  await page.getByRole('button', { name: 'Erase this memory …' }).click();
  await page.getByLabel(/^Type .* to confirm/).waitFor();
  await looked();
  await page.context().close();

  const operator = await signedIn(OPERATOR_TOKEN, phone);
  await operator.getByRole('list', { name: 'Tenants' }).getByRole('link', { name: LONG_NAME }).click();
  await operator.getByRole('list', { name: 'API keys' }).waitFor();
  await expectNoSidewaysScroll(operator);
  await operator.goto('/console/audit');
  await operator.getByRole('table').waitFor();
  await expectNoSidewaysScroll(operator);
  // As if the tenant had signed in in a tab beside it.
  const token = JSON.stringify({ token: long.authorization.slice('Bearer '.length) });
  await operator.evaluate(
    async (body) =>
      void (await fetch('/console/session', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })),
    token,
  );
  await operator.getByRole('button', { name: 'Menu' }).click();
  await operator.getByRole('dialog').getByRole('link', { name: 'Tenants' }).click();
  await heading(operator, 'Another session').waitFor();
  await expectNoSidewaysScroll(operator);
  expect(await violationsInBoth(operator, 'another session')).toEqual([]);
  await operator.context().close();
});

inBrowser('nothing moves for whoever wants that, while a reply is awaited', async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  system.llm.answerWith(() => async (res) => {
    await held;
    streamText(res, 'At last.');
  });
  const asked = system.llm.prompts.length;
  const page = await signedIn(system.apiKey, { reducedMotion: 'reduce' });
  await page.goto(`/console/chat/${system.agent.id}/kim`);
  await tabTo(page, page.getByLabel('Message to Mara'));
  await page.keyboard.type('Hello');
  await page.keyboard.press('Enter');
  await page.getByRole('img', { name: 'Mara is answering' }).waitFor();
  await eventually(() => system.llm.prompts.length > asked, { what: 'the model is asked' });
  await eventually(() =>
    page.evaluate<boolean>('document.getAnimations().every(({ playState }) => playState !== "running")'),
  );
  // A page that is loaded anew goes on with it, and has what was said and its receipt from then on.
  await page.reload();
  await page.getByRole('img', { name: 'Mara is answering' }).waitFor();
  release();
  system.llm.answerWith(noted);
  const turns = page.getByRole('list', { name: 'Conversation' }).getByRole('listitem');
  const isThere = async (): Promise<void> => {
    await turns.getByText('At last.').waitFor();
    await turns.getByText('kim: Hello').waitFor();
    await turns.getByRole('button', { name: 'Why?' }).waitFor();
    expect(await page.getByText('in the window').count()).toBe(0);
  };
  await isThere();
  expect(await page.evaluate<string>('JSON.stringify(sessionStorage)')).not.toMatch(/Hello|At last/);
  await page.reload();
  await isThere();
  await page.route((url) => url.pathname.endsWith('/users/kim/memory'), AWAY);
  await page.reload();
  await page.getByRole('alert').getByText('Temporal is away.').waitFor();
  await turns.getByText('At last.').waitFor();
  await page.context().close();

  // What was said before, elsewhere, stands open above, while nothing stands below.
  const other = await signedIn(system.apiKey);
  await other.goto(`/console/chat/${system.agent.id}/kim`);
  await other.getByText('2 earlier messages in the window').waitFor();
  await other.getByText('At last.').waitFor();
  await other.context().close();
});

inBrowser('everything comes from here, under a policy that nothing has tried to break', () =>
  opened.expectNothingForeign(),
);
